-- What was submitted for a place group, by time.
CREATE INDEX capacity_submission_by_group ON capacity_submission
    (county_id, measure_code, ((doc->>'place_group_id')::uuid), ((doc->>'submitted_time')::bigint));
