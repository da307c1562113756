// The `pg` package of npm: simple and prepared queries, types, errors, several clients. Prints a line for each.
const { Client, Pool } = require("pg");

const config = { host: process.argv[2], port: Number(process.argv[3]), user: "me", database: "databricks_account" };

async function main() {
  const client = new Client(config);
  client.on("notice", (notice) => console.log("notice", notice.message.includes("transaction")));
  await client.connect();
  const one = await client.query("SELECT 1::int AS a, 'x' AS b, true AS c, NULL AS d, 1.5::double precision AS e");
  console.log("row", JSON.stringify(one.rows[0]));
  const two = await client.query({ name: "named", text: "SELECT $1::int + 1 AS n, $2 || '!' AS t", values: [41, "it's"] });
  console.log("prepared", JSON.stringify(two.rows[0]));
  const again = await client.query({ name: "named", text: "SELECT $1::int + 1 AS n, $2 || '!' AS t", values: [1, "a"] });
  console.log("again", JSON.stringify(again.rows[0]));
  const rows = await client.query("SELECT name FROM oauth2.published_app_integration WHERE account_id = $1", ["a1"]);
  console.log("resource", rows.rowCount, rows.fields[0].name);
  const many = await client.query("SELECT 1 AS a; SELECT 2 AS b");
  console.log("several", many.map((result) => Object.values(result.rows[0])[0]).join(" "));
  await client.query("SELECT nothing_here").catch((error) => console.log("error", error.code, error.position));
  await client.query("ROLLBACK");
  await client.end();
  const pool = new Pool({ ...config, max: 5 });
  const sums = await Promise.all([...Array(20).keys()].map((n) => pool.query("SELECT $1::bigint * 2 AS n", [n])));
  console.log("pool", sums.reduce((sum, result) => sum + Number(result.rows[0].n), 0));
  await pool.end();
}

main().catch((error) => {
  console.log("FAILED", error.message);
  process.exit(1);
});
