// Package archive moves old events of a schema out of its database into files, and back.
//
// # Files
//
// An archive is two objects of a [Storage]:
//
//   - NAME.jsonl.zst holds the events: JSON Lines, compressed with zstd. One that is encrypted is
//     an age file (age-encryption.org) around that, and is called NAME.jsonl.zst.age.
//   - NAME.manifest.json is its [Manifest]: what the other holds, and its SHA-256.
//
// A line is an event as JSON spells it, with the fields of driver.Event in their order, so that
// zstdcat and jq can read what is not encrypted. Event data and metadata are there byte for byte.
// Where they hold a line break, which a line can't, the field event_data_text or
// event_metadata_text is in place of event_data or event_metadata, a string with the exact text:
//
//	zstdcat NAME.jsonl.zst | jq '.event_data // (.event_data_text | fromjson)'
//
// The data is written before the manifest and deleted after it: an archive is there if its manifest
// is. Neither is ever changed or replaced.
//
// Package archiveblob, a module of its own, keeps archives in Amazon S3, Google Cloud Storage and
// Azure. Package storagetest has the tests of a Storage.
package archive
