//! The tables of `pg_catalog`: names, numbers and columns.
//!
//! Surprise: a table without rows of its own here is always empty; what clients compute from it is never
//! planned (`query::front`).

/// A table. Columns are written `name:kind`: `o` number of an object, `i` integer, `f` float, `b` boolean,
/// `t` text, `a` list of texts.
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) number: i64,
    pub(super) columns: &'static str,
    pub(super) rows: Rows,
}

/// Where the rows of a table come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    None,
    Namespace,
    Class,
    Attribute,
    Type,
    Database,
    Roles,
    Proc,
    Settings,
    Am,
    Tables,
    Views,
    Description,
    Language,
    Tablespace,
}

const fn table(name: &'static str, number: i64, rows: Rows, columns: &'static str) -> Layout {
    Layout { name, number, columns, rows }
}

const fn empty(name: &'static str, number: i64, columns: &'static str) -> Layout {
    table(name, number, Rows::None, columns)
}

const ROLES: &str = "rolname:t rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b \
    rolreplication:b rolconnlimit:i rolpassword:t rolvaliduntil:t rolbypassrls:b rolconfig:a oid:o";

/// All tables.
pub(super) const LAYOUTS: &[Layout] = &[
    table("pg_namespace", 2615, Rows::Namespace, "oid:o nspname:t nspowner:o nspacl:a"),
    table(
        "pg_class",
        1259,
        Rows::Class,
        "oid:o relname:t relnamespace:o reltype:o reloftype:o relowner:o relam:o relfilenode:o \
         reltablespace:o relpages:i reltuples:f relallvisible:i reltoastrelid:o relhasindex:b \
         relisshared:b relpersistence:t relkind:t relnatts:i relchecks:i relhasrules:b \
         relhastriggers:b relhassubclass:b relrowsecurity:b relforcerowsecurity:b \
         relispopulated:b relreplident:t relispartition:b relrewrite:o relfrozenxid:o \
         relminmxid:o relacl:a reloptions:a relpartbound:t relhasoids:b",
    ),
    table(
        "pg_attribute",
        1249,
        Rows::Attribute,
        "attrelid:o attname:t atttypid:o attstattarget:i attlen:i attnum:i attndims:i \
         attcacheoff:i atttypmod:i attbyval:b attalign:t attstorage:t attcompression:t \
         attnotnull:b atthasdef:b atthasmissing:b attidentity:t attgenerated:t attisdropped:b \
         attislocal:b attinhcount:i attcollation:o attacl:a attoptions:a attfdwoptions:a \
         attmissingval:t",
    ),
    table(
        "pg_type",
        1247,
        Rows::Type,
        "oid:o typname:t typnamespace:o typowner:o typlen:i typbyval:b typtype:t typcategory:t \
         typispreferred:b typisdefined:b typdelim:t typrelid:o typsubscript:o typelem:o \
         typarray:o typinput:o typoutput:o typreceive:o typsend:o typmodin:o typmodout:o \
         typanalyze:o typalign:t typstorage:t typnotnull:b typbasetype:o typtypmod:i typndims:i \
         typcollation:o typdefaultbin:t typdefault:t typacl:a",
    ),
    table(
        "pg_database",
        1262,
        Rows::Database,
        "oid:o datname:t datdba:o encoding:i datlocprovider:t datistemplate:b datallowconn:b \
         datconnlimit:i datfrozenxid:o datminmxid:o dattablespace:o datcollate:t datctype:t \
         daticulocale:t datlocale:t daticurules:t datcollversion:t datacl:a",
    ),
    table("pg_roles", 12000, Rows::Roles, ROLES),
    table("pg_authid", 1260, Rows::Roles, ROLES),
    table(
        "pg_user",
        12001,
        Rows::Roles,
        "usename:t usesysid:o usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:t \
         valuntil:t useconfig:a",
    ),
    table(
        "pg_proc",
        1255,
        Rows::Proc,
        "oid:o proname:t pronamespace:o proowner:o prolang:o procost:f prorows:f provariadic:o \
         prosupport:o prokind:t prosecdef:b proleakproof:b proisstrict:b proretset:b \
         provolatile:t proparallel:t pronargs:i pronargdefaults:i prorettype:o proargtypes:t \
         proallargtypes:a proargmodes:a proargnames:a proargdefaults:t protrftypes:a prosrc:t \
         probin:t prosqlbody:t proconfig:a proacl:a proisagg:b proiswindow:b",
    ),
    table(
        "pg_settings",
        12010,
        Rows::Settings,
        "name:t setting:t unit:t category:t short_desc:t extra_desc:t context:t vartype:t \
         source:t min_val:t max_val:t enumvals:a boot_val:t reset_val:t sourcefile:t \
         sourceline:i pending_restart:b",
    ),
    table("pg_am", 2601, Rows::Am, "oid:o amname:t amhandler:o amtype:t"),
    empty(
        "pg_collation",
        3456,
        "oid:o collname:t collnamespace:o collowner:o collprovider:t collisdeterministic:b \
         collencoding:i collcollate:t collctype:t colliculocale:t collversion:t",
    ),
    table(
        "pg_tables",
        12020,
        Rows::Tables,
        "schemaname:t tablename:t tableowner:t tablespace:t hasindexes:b hasrules:b \
         hastriggers:b rowsecurity:b",
    ),
    table("pg_views", 12021, Rows::Views, "schemaname:t viewname:t viewowner:t definition:t"),
    table(
        "pg_description",
        2609,
        Rows::Description,
        "objoid:o classoid:o objsubid:i description:t",
    ),
    table(
        "pg_language",
        2612,
        Rows::Language,
        "oid:o lanname:t lanowner:o lanispl:b lanpltrusted:b lanplcallfoid:o laninline:o \
         lanvalidator:o lanacl:a",
    ),
    table(
        "pg_tablespace",
        1213,
        Rows::Tablespace,
        "oid:o spcname:t spcowner:o spcacl:a spcoptions:a",
    ),
    empty("pg_attrdef", 2604, "oid:o adrelid:o adnum:i adbin:t adsrc:t"),
    empty(
        "pg_index",
        2610,
        "indexrelid:o indrelid:o indnatts:i indnkeyatts:i indisunique:b indnullsnotdistinct:b \
         indisprimary:b indisexclusion:b indimmediate:b indisclustered:b indisvalid:b \
         indcheckxmin:b indisready:b indislive:b indisreplident:b indkey:a indcollation:a \
         indclass:a indoption:a indexprs:t indpred:t",
    ),
    empty(
        "pg_constraint",
        2606,
        "oid:o conname:t connamespace:o contype:t condeferrable:b condeferred:b convalidated:b \
         conrelid:o contypid:o conindid:o conparentid:o confrelid:o confupdtype:t \
         confdeltype:t confmatchtype:t conislocal:b coninhcount:i connoinherit:b conkey:a \
         confkey:a conpfeqop:a conppeqop:a conffeqop:a confdelsetcols:a conexclop:a conbin:t \
         consrc:t",
    ),
    empty(
        "pg_trigger",
        2620,
        "oid:o tgrelid:o tgparentid:o tgname:t tgfoid:o tgtype:i tgenabled:t tgisinternal:b \
         tgconstrrelid:o tgconstrindid:o tgconstraint:o tgdeferrable:b tginitdeferred:b \
         tgnargs:i tgattr:a tgargs:t tgqual:t tgoldtable:t tgnewtable:t",
    ),
    empty(
        "pg_rewrite",
        2618,
        "oid:o rulename:t ev_class:o ev_type:t ev_enabled:t is_instead:b ev_qual:t ev_action:t",
    ),
    empty("pg_inherits", 2611, "inhrelid:o inhparent:o inhseqno:i inhdetachpending:b"),
    empty(
        "pg_policy",
        3256,
        "oid:o polname:t polrelid:o polcmd:t polpermissive:b polroles:a polqual:t polwithcheck:t",
    ),
    empty(
        "pg_policies",
        12022,
        "schemaname:t tablename:t policyname:t permissive:t roles:a cmd:t qual:t with_check:t",
    ),
    empty(
        "pg_statistic_ext",
        3381,
        "oid:o stxrelid:o stxname:t stxnamespace:o stxowner:o stxstattarget:i stxkeys:a \
         stxkind:a stxexprs:t",
    ),
    empty(
        "pg_publication",
        6104,
        "oid:o pubname:t pubowner:o puballtables:b pubinsert:b pubupdate:b pubdelete:b \
         pubtruncate:b pubviaroot:b",
    ),
    empty("pg_publication_namespace", 6237, "oid:o pnpubid:o pnnspid:o"),
    empty("pg_publication_rel", 6106, "oid:o prpubid:o prrelid:o prqual:t prattrs:a"),
    empty(
        "pg_publication_tables",
        12023,
        "pubname:t schemaname:t tablename:t attnames:a rowfilter:t",
    ),
    empty("pg_subscription", 6100, "oid:o subdbid:o subname:t subowner:o subenabled:b"),
    empty(
        "pg_depend",
        2608,
        "classid:o objid:o objsubid:i refclassid:o refobjid:o refobjsubid:i deptype:t",
    ),
    empty(
        "pg_shdepend",
        1214,
        "dbid:o classid:o objid:o objsubid:i refclassid:o refobjid:o deptype:t",
    ),
    empty("pg_shdescription", 2396, "objoid:o classoid:o description:t"),
    empty("pg_enum", 3501, "oid:o enumtypid:o enumsortorder:f enumlabel:t"),
    empty(
        "pg_range",
        3541,
        "rngtypid:o rngsubtype:o rngmultitypid:o rngcollation:o rngsubopc:o rngcanonical:o \
         rngsubdiff:o",
    ),
    empty(
        "pg_sequence",
        2224,
        "seqrelid:o seqtypid:o seqstart:i seqincrement:i seqmax:i seqmin:i seqcache:i seqcycle:b",
    ),
    empty(
        "pg_sequences",
        12024,
        "schemaname:t sequencename:t sequenceowner:t data_type:t start_value:i min_value:i \
         max_value:i increment_by:i cycle:b cache_size:i last_value:i",
    ),
    empty(
        "pg_extension",
        3079,
        "oid:o extname:t extowner:o extnamespace:o extrelocatable:b extversion:t extconfig:a \
         extcondition:a",
    ),
    empty(
        "pg_available_extensions",
        12025,
        "name:t default_version:t installed_version:t comment:t",
    ),
    empty("pg_foreign_table", 3118, "ftrelid:o ftserver:o ftoptions:a"),
    empty(
        "pg_foreign_server",
        1417,
        "oid:o srvname:t srvowner:o srvfdw:o srvtype:t srvversion:t srvacl:a srvoptions:a",
    ),
    empty(
        "pg_foreign_data_wrapper",
        2328,
        "oid:o fdwname:t fdwowner:o fdwhandler:o fdwvalidator:o fdwacl:a fdwoptions:a",
    ),
    empty("pg_user_mapping", 1418, "oid:o umuser:o umserver:o umoptions:a"),
    empty("pg_auth_members", 1261, "oid:o roleid:o member:o grantor:o admin_option:b"),
    empty("pg_group", 12026, "groname:t grosysid:o grolist:a"),
    empty(
        "pg_default_acl",
        826,
        "oid:o defaclrole:o defaclnamespace:o defaclobjtype:t defaclacl:a",
    ),
    empty(
        "pg_event_trigger",
        3466,
        "oid:o evtname:t evtevent:t evtowner:o evtfoid:o evtenabled:t evttags:a",
    ),
    empty("pg_db_role_setting", 2964, "setdatabase:o setrole:o setconfig:a"),
    empty(
        "pg_partitioned_table",
        3350,
        "partrelid:o partstrat:t partnatts:i partdefid:o partattrs:a partexprs:t",
    ),
    empty(
        "pg_opclass",
        2616,
        "oid:o opcmethod:o opcname:t opcnamespace:o opcowner:o opcfamily:o opcintype:o \
         opcdefault:b opckeytype:o",
    ),
    empty(
        "pg_operator",
        2617,
        "oid:o oprname:t oprnamespace:o oprowner:o oprkind:t oprcanmerge:b oprcanhash:b \
         oprleft:o oprright:o oprresult:o",
    ),
    empty("pg_cast", 2605, "oid:o castsource:o casttarget:o castfunc:o castcontext:t castmethod:t"),
    empty("pg_conversion", 2607, "oid:o conname:t connamespace:o conowner:o"),
    empty("pg_aggregate", 2600, "aggfnoid:o aggkind:t aggnumdirectargs:i"),
    empty("pg_seclabel", 3596, "objoid:o classoid:o objsubid:i provider:t label:t"),
    empty("pg_rules", 12027, "schemaname:t tablename:t rulename:t definition:t"),
    empty("pg_indexes", 12028, "schemaname:t tablename:t indexname:t tablespace:t indexdef:t"),
    empty(
        "pg_matviews",
        12029,
        "schemaname:t matviewname:t matviewowner:t tablespace:t hasindexes:b ispopulated:b \
         definition:t",
    ),
    empty(
        "pg_locks",
        12030,
        "locktype:t database:o relation:o pid:i mode:t granted:b transactionid:o virtualxid:t",
    ),
    empty(
        "pg_stat_activity",
        12031,
        "datid:o datname:t pid:i leader_pid:i usesysid:o usename:t application_name:t \
         client_addr:t client_hostname:t client_port:i backend_start:t xact_start:t \
         query_start:t state_change:t wait_event_type:t wait_event:t state:t backend_xid:o \
         backend_xmin:o query_id:i query:t backend_type:t",
    ),
    empty(
        "pg_stat_user_tables",
        12032,
        "relid:o schemaname:t relname:t seq_scan:i idx_scan:i n_live_tup:i n_dead_tup:i",
    ),
    empty(
        "pg_stat_all_tables",
        12033,
        "relid:o schemaname:t relname:t seq_scan:i idx_scan:i n_live_tup:i n_dead_tup:i",
    ),
    empty(
        "pg_stat_database",
        12034,
        "datid:o datname:t numbackends:i xact_commit:i xact_rollback:i",
    ),
    empty("pg_prepared_xacts", 12035, "transaction:o gid:t prepared:t owner:t database:t"),
    empty(
        "pg_prepared_statements",
        12036,
        "name:t statement:t prepare_time:t parameter_types:a from_sql:b",
    ),
    empty(
        "pg_cursors",
        12037,
        "name:t statement:t is_holdable:b is_binary:b is_scrollable:b creation_time:t",
    ),
    empty("pg_timezone_names", 12038, "name:t abbrev:t utc_offset:t is_dst:b"),
    empty(
        "pg_stats",
        12039,
        "schemaname:t tablename:t attname:t inherited:b null_frac:f avg_width:i n_distinct:f",
    ),
    empty("pg_ts_config", 3602, "oid:o cfgname:t cfgnamespace:o cfgowner:o cfgparser:o"),
    empty(
        "pg_ts_dict",
        3600,
        "oid:o dictname:t dictnamespace:o dictowner:o dicttemplate:o dictinitoption:t",
    ),
    empty("pg_ts_parser", 3601, "oid:o prsname:t prsnamespace:o"),
    empty("pg_ts_template", 3764, "oid:o tmplname:t tmplnamespace:o"),
    empty("pg_largeobject_metadata", 2995, "oid:o lomowner:o lomacl:a"),
    empty("pg_transform", 3576, "oid:o trftype:o trflang:o trffromsql:o trftosql:o"),
    empty("pg_opfamily", 2753, "oid:o opfmethod:o opfname:t opfnamespace:o opfowner:o"),
    empty(
        "pg_shadow",
        12040,
        "usename:t usesysid:o usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:t \
         valuntil:t useconfig:a",
    ),
    empty("pg_get_keywords", 12041, "word:t catcode:t barelabel:b catdesc:t baredesc:t"),
    empty(
        "information_schema.table_constraints",
        13001,
        "constraint_catalog:t constraint_schema:t constraint_name:t table_catalog:t \
         table_schema:t table_name:t constraint_type:t is_deferrable:t initially_deferred:t \
         enforced:t",
    ),
    empty(
        "information_schema.key_column_usage",
        13002,
        "constraint_catalog:t constraint_schema:t constraint_name:t table_catalog:t \
         table_schema:t table_name:t column_name:t ordinal_position:i \
         position_in_unique_constraint:i",
    ),
    empty(
        "information_schema.referential_constraints",
        13003,
        "constraint_catalog:t constraint_schema:t constraint_name:t \
         unique_constraint_catalog:t unique_constraint_schema:t unique_constraint_name:t \
         match_option:t update_rule:t delete_rule:t",
    ),
    empty(
        "information_schema.constraint_column_usage",
        13004,
        "table_catalog:t table_schema:t table_name:t column_name:t constraint_catalog:t \
         constraint_schema:t constraint_name:t",
    ),
    empty(
        "information_schema.check_constraints",
        13005,
        "constraint_catalog:t constraint_schema:t constraint_name:t check_clause:t",
    ),
    empty(
        "information_schema.routines",
        13006,
        "specific_catalog:t specific_schema:t specific_name:t routine_catalog:t \
         routine_schema:t routine_name:t routine_type:t data_type:t type_udt_name:t \
         routine_definition:t",
    ),
    empty(
        "information_schema.parameters",
        13007,
        "specific_catalog:t specific_schema:t specific_name:t ordinal_position:i \
         parameter_mode:t parameter_name:t data_type:t udt_name:t",
    ),
    empty(
        "information_schema.triggers",
        13008,
        "trigger_catalog:t trigger_schema:t trigger_name:t event_manipulation:t \
         event_object_catalog:t event_object_schema:t event_object_table:t action_statement:t",
    ),
    empty(
        "information_schema.sequences",
        13009,
        "sequence_catalog:t sequence_schema:t sequence_name:t data_type:t start_value:t \
         minimum_value:t maximum_value:t increment:t cycle_option:t",
    ),
    empty(
        "information_schema.character_sets",
        13010,
        "character_set_catalog:t character_set_schema:t character_set_name:t \
         character_repertoire:t form_of_use:t default_collate_name:t",
    ),
    empty(
        "information_schema.role_table_grants",
        13011,
        "grantor:t grantee:t table_catalog:t table_schema:t table_name:t privilege_type:t \
         is_grantable:t with_hierarchy:t",
    ),
    empty(
        "information_schema.table_privileges",
        13012,
        "grantor:t grantee:t table_catalog:t table_schema:t table_name:t privilege_type:t \
         is_grantable:t with_hierarchy:t",
    ),
    empty(
        "information_schema.element_types",
        13013,
        "object_catalog:t object_schema:t object_name:t object_type:t \
         collection_type_identifier:t data_type:t udt_name:t",
    ),
    empty(
        "information_schema.domains",
        13014,
        "domain_catalog:t domain_schema:t domain_name:t data_type:t",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_kinds_and_numbers_are_their_own() {
        for layout in LAYOUTS {
            for column in layout.columns.split_whitespace() {
                let (name, kind) = column.split_once(':').expect("a kind");
                assert!(!name.is_empty() && "oifbta".contains(kind), "{}: {column}", layout.name);
            }
        }
        let mut numbers: Vec<i64> = LAYOUTS.iter().map(|layout| layout.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), LAYOUTS.len());
    }
}
