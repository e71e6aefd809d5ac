-- Places that were given by hand, by time: few among all offers.
CREATE INDEX offer_by_hand ON offer
    (county_id, measure_code, ((doc->>'proposed_time')::bigint)) WHERE doc->'shadow' IS NOT NULL;
