// Package archiveblob keeps archives in whatever gocloud.dev/blob has a driver for: Amazon S3 and
// what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//
//	import _ "gocloud.dev/blob/s3blob"
//	…
//	bucket, err := blob.OpenBucket(ctx, "s3://acme-archives?region=eu-central-1")
//	…
//	storage, err := archiveblob.New(bucket, "s3://acme-archives")
//
// It is a module of its own, so that only apps that use it download gocloud.dev.
//
// An object is uploaded with a condition that keeps it from replacing another one. The services
// above have that; of what speaks the protocol of S3, make sure that it heeds If-None-Match. Where a
// service keeps parts of uploads that a process died in, let it delete them after some days: on S3
// by a lifecycle rule for incomplete multipart uploads.
//
// For a local folder use archive.Dir: gocloud.dev/blob/fileblob does not flush files to the disk, and
// does not list them in the order of their names.
package archiveblob
