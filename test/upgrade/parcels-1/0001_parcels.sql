create table parcel (id text primary key, note text not null);
