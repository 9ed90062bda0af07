#!/bin/sh
# Runs once, when the database cluster is new: a role and a database for the hub,
# and for Temporal. Neither of them is a superuser.
set -eu

psql --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
	--set=quad="$QUAD_DB_PASSWORD" --set=temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE quad LOGIN PASSWORD :'quad';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE quad OWNER quad;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE quad, temporal, temporal_visibility FROM PUBLIC;
SQL
