import java.sql.*;
import java.util.*;
/** Calls what JDBC knows of a database, and prints what came. Arguments: URL, user, password, schema, table, condition. */
public class Metadata {
  static void dump(String name, ResultSet rs, String... cols) throws Exception {
    int n=0; StringBuilder b=new StringBuilder();
    while (rs.next()) { n++; if (n<=6) { List<String> v=new ArrayList<>(); for (String c: cols) v.add(String.valueOf(rs.getObject(c))); b.append(" ").append(v);} }
    System.out.println(name+": "+n+b);
  }
  interface Part { void run() throws Exception; }
  static void part(String name, Part p) { try { p.run(); } catch (Exception e) { System.out.println("FAILED "+name+": "+e); } }
  public static void main(String[] a) throws Exception {
    Connection c = DriverManager.getConnection(a[0], a[1], a.length>2?a[2]:"");
    DatabaseMetaData m = c.getMetaData();
    String schema=a[3], table=a[4];
    part("version",()->System.out.println("product "+m.getDatabaseProductName()+" "+m.getDatabaseProductVersion()+" "+m.getUserName()+" "+c.getCatalog()+" "+c.getSchema()));
    part("catalogs",()->dump("catalogs", m.getCatalogs(), "TABLE_CAT"));
    part("schemas",()->dump("schemas", m.getSchemas(), "TABLE_SCHEM"));
    part("tables",()->dump("tables", m.getTables(null, schema, "%", new String[]{"TABLE","VIEW"}), "TABLE_SCHEM","TABLE_NAME","TABLE_TYPE"));
    part("tables all",()->dump("tables all", m.getTables(null, null, table, null), "TABLE_SCHEM","TABLE_NAME","TABLE_TYPE"));
    part("columns",()->dump("columns", m.getColumns(null, schema, table, "%"), "COLUMN_NAME","TYPE_NAME","DATA_TYPE","ORDINAL_POSITION","IS_NULLABLE"));
    part("pk",()->dump("pk", m.getPrimaryKeys(null, schema, table), "COLUMN_NAME"));
    part("imported",()->dump("imported", m.getImportedKeys(null, schema, table), "FKCOLUMN_NAME"));
    part("exported",()->dump("exported", m.getExportedKeys(null, schema, table), "FKCOLUMN_NAME"));
    part("indexes",()->dump("indexes", m.getIndexInfo(null, schema, table, false, false), "INDEX_NAME"));
    part("typeinfo",()->dump("typeinfo", m.getTypeInfo(), "TYPE_NAME","DATA_TYPE"));
    part("tabletypes",()->dump("tabletypes", m.getTableTypes(), "TABLE_TYPE"));
    part("functions",()->dump("functions", m.getFunctions(null, "pg_catalog", "lower"), "FUNCTION_NAME"));
    part("procedures",()->dump("procedures", m.getProcedures(null, schema, "%"), "PROCEDURE_NAME"));
    part("privileges",()->dump("privileges", m.getTablePrivileges(null, schema, table), "PRIVILEGE"));
    part("rowid",()->dump("best row", m.getBestRowIdentifier(null, schema, table, 0, true), "COLUMN_NAME"));
    part("udts",()->dump("udts", m.getUDTs(null, schema, "%", null), "TYPE_NAME"));
    part("prepared",()->{ PreparedStatement p=c.prepareStatement("SELECT ? + 1, ?, ?"); p.setInt(1,41); p.setString(2,"x"); p.setBoolean(3,true);
      ResultSetMetaData md=p.getMetaData(); ResultSet r=p.executeQuery(); r.next(); System.out.println("prepared "+r.getLong(1)+" "+r.getString(2)+" "+r.getBoolean(3)+" "+md.getColumnCount()); });
    part("rsmeta",()->{ Statement s=c.createStatement(); ResultSet r=s.executeQuery("SELECT * FROM \""+schema+"\".\""+table+"\""+(a.length>5?a[5]:"")); ResultSetMetaData md=r.getMetaData(); int n=0; while(r.next()) n++; System.out.println("rows "+n+" "+md.getColumnCount()+" "+md.getColumnName(1)+" "+md.getColumnTypeName(1)+" nullable "+md.isNullable(1)); });
    part("cursor",()->{ c.setAutoCommit(false); Statement s=c.createStatement(); s.setFetchSize(100); ResultSet r=s.executeQuery("SELECT * FROM generate_series(1, 1000) g"); int n=0; while(r.next()) n++; c.commit(); c.setAutoCommit(true); System.out.println("cursor "+n); });
    part("error",()->{ try { c.createStatement().executeQuery("SELECT nothing_here"); } catch (SQLException e) { System.out.println("error "+e.getSQLState()); } });
    part("readonly",()->{ c.setReadOnly(true); System.out.println("readonly "+c.isReadOnly()); c.setReadOnly(false); c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE); System.out.println("isolation "+c.getTransactionIsolation());});
    part("valid",()->System.out.println("valid "+c.isValid(3)));
    part("array",()->{ ResultSet r=c.createStatement().executeQuery("SELECT ARRAY['a','b']"); r.next(); System.out.println("array "+Arrays.toString((Object[])r.getArray(1).getArray())); });
    c.close();
  }
}
