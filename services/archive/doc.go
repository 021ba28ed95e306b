// Package archive keeps events in files that need no Gatewatch to be read:
// Parquet with zstd, one column for each common ECS field, with a manifest beside
// them. DuckDB, Spark and pandas read them as they are; Gatewatch searches them,
// checks them and restores their events into a store.
//
// An archive folder holds a folder for each archive, which appears whole and
// durable or not at all, and never changes:
//
//	DIR/NAME/manifest.json
//	DIR/NAME/part-00001.parquet, …
//
// The manifest of an archive that retention made says in "segment" which segment
// it holds: file name, queue range (first <= offset < next), rows, damaged blocks,
// SHA-256 of the file.
//
// Columns have the dotted names of fields (`source.ip`). Times are microseconds
// in UTC, the nanoseconds beyond them in gatewatch.timestamp_nanos; addresses are
// text; fields that may have several values are lists; all fields without a
// column are in gatewatch.fields, a flat JSON object. event.original is there
// byte for byte: where it is not UTF-8 in gatewatch.original_bytes.
package archive
