create table note (id text primary key, tenant text not null, text text not null);
create table heard (id text primary key, text text not null);
