-- A host area (vertskommune with its samarbeidskommuner) may have the quota and the queue.
ALTER TABLE ledger DROP CONSTRAINT ledger_distribution_is_known;
ALTER TABLE ledger ADD CONSTRAINT ledger_distribution_is_known
    CHECK (distribution IN ('COUNTY_POOL', 'BY_MUNICIPALITY', 'BY_HOST_AREA'));
