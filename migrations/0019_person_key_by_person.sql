-- The digests of a person: for who was added for nothing, and for `verify`.
CREATE INDEX person_key_by_person ON person_key (person_id);
