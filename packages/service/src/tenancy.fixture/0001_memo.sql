create table memo (tenant text not null, id text not null, text text not null, primary key (tenant, id));
select fairlead.isolate('memo');
select fairlead.isolate_store();
