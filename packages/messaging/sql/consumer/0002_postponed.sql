-- How many of an event's attempts don't count, for something that they needed was not there and had not begun.
ALTER TABLE fairlead_parked ADD COLUMN postponed integer NOT NULL DEFAULT 0;
