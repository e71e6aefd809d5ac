-- Whose people they are: the keyed digests of case worker and deputy, as the doc has them.
ALTER TABLE entry
    ADD COLUMN adviser_digest text,
    ADD COLUMN deputy_digest text,
    ADD COLUMN deputy_until date;
