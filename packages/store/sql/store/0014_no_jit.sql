-- Functions that forbid the planner sequential scans make it reckon with pretended costs wherever there is no other way. A server that
-- compiles what is dear (jit, on by default where PostgreSQL is built with LLVM) then takes seconds for what takes half a millisecond.
alter function fairlead_job_unblock(text, text[], text[]) set jit = off;
alter function fairlead_job_enqueue(text, text, json, smallint, integer, json, text[]) set jit = off;
alter function fairlead_job_settle(text, double precision, json) set jit = off;
alter function fairlead_job_complete(text, double precision, uuid[], integer[]) set jit = off;
alter function fairlead_job_unclaim(text, text, uuid[]) set jit = off;
alter function fairlead_job_sweep(text, text[], boolean) set jit = off;
