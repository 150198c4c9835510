-- Whose event it is that was parked; null for nobody's, and for what earlier releases parked.
ALTER TABLE fairlead_parked ADD COLUMN tenant text;

-- Where rows of tenants are kept apart, these are from now on.
DO $$
BEGIN
  IF to_regproc('fairlead.isolate_store_again') IS NOT NULL THEN
    PERFORM fairlead.isolate_store_again();
  END IF;
END $$;
