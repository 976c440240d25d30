package archiveblob

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"net/url"
	"strings"
	"syscall"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// Bucket is an archive.Storage in a *blob.Bucket.
type Bucket struct {
	bucket   *blob.Bucket
	location string
}

var _ archive.Storage = (*Bucket)(nil)

// New returns a Bucket. The location is what people and records are told, a URL such as
// "s3://acme-archives/2026": since a bucket is often opened by a URL that holds credentials or
// settings, it is not asked for its own. The app closes the bucket in the end. A bucket made with
// blob.PrefixedBucket keeps the objects below a prefix.
//
// Errors: ErrInvalid for no bucket, and for a location without a scheme or with a user or a query,
// where credentials would be.
func New(bucket *blob.Bucket, location string) (*Bucket, error) {
	if err := check(bucket, location); err != nil {
		return nil, driver.Fail("archiveblob.New", "", "bucket", "", err)
	}
	return &Bucket{bucket, location}, nil
}

func check(bucket *blob.Bucket, location string) error {
	if bucket == nil {
		return &driver.InvalidError{Field: "bucket", Reason: "is required"}
	}
	parsed, err := url.Parse(location)
	if err != nil || parsed.Scheme == "" || parsed.User != nil || strings.ContainsAny(location, "?#") {
		return &driver.InvalidError{Field: "location", Reason: "must be a URL without a user and a query, such as s3://bucket/folder"}
	}
	return nil
}

// Location implements archive.Storage.
func (b *Bucket) Location() string { return b.location }

// Create implements archive.Storage. It asks whether there is such an object, which costs a request.
func (b *Bucket) Create(ctx context.Context, name string) (archive.Writer, error) {
	writer, err := b.create(ctx, name)
	if err != nil {
		return nil, fail("Create", name, err)
	}
	return writer, nil
}

func (b *Bucket) create(ctx context.Context, name string) (*writer, error) {
	if err := cmp.Or(archive.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	exists, err := b.bucket.Exists(ctx, name)
	if err != nil {
		return nil, err
	}
	if exists {
		return nil, driver.ErrAlreadyExists
	}
	uploading, cancel := context.WithCancel(ctx)
	out, err := b.bucket.NewWriter(uploading, name, &blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
	if err != nil {
		cancel()
		return nil, err
	}
	return &writer{ctx: ctx, name: name, out: out, cancel: cancel}, nil
}

// Open implements archive.Storage.
func (b *Bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := cmp.Or(archive.CheckName(name), ctx.Err()); err != nil {
		return nil, fail("Open", name, err)
	}
	in, err := b.bucket.NewReader(ctx, name, nil)
	if isNotThere(err) {
		err = &driver.Error{Kind: archive.ErrMissing, Err: plain(err)}
	}
	if err != nil {
		return nil, fail("Open", name, err)
	}
	return &reader{ctx, name, in}, nil
}

type reader struct {
	ctx  context.Context
	name string
	in   *blob.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, fail("Read", r.name, err)
	}
	n, err := r.in.Read(p)
	if err == io.EOF {
		return n, err
	}
	return n, fail("Read", r.name, err)
}

func (r *reader) Close() error { return r.in.Close() }

// Delete implements archive.Storage.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	err := cmp.Or(archive.CheckName(name), ctx.Err())
	if err == nil {
		err = b.bucket.Delete(ctx, name)
	}
	if isNotThere(err) {
		return nil
	}
	return fail("Delete", name, err)
}

// List implements archive.Storage. It reads one page of the service's list at a time.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[archive.Object, error] {
	return func(yield func(archive.Object, error) bool) {
		if err := archive.CheckPrefix(prefix); err != nil {
			yield(archive.Object{}, fail("List", prefix, err))
			return
		}
		for objects := b.bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
			err := ctx.Err()
			var object *blob.ListObject
			if err == nil {
				object, err = objects.Next(ctx)
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(archive.Object{}, fail("List", prefix, err))
				return
			}
			if archive.CheckName(object.Key) == nil && !yield(archive.Object{Name: object.Key, Size: object.Size}, nil) {
				return
			}
		}
	}
}

// isNotThere reports whether an error says that there is no such object. The last one is fileblob's,
// where a folder in the name is a file.
func isNotThere(err error) bool {
	return gcerrors.Code(err) == gcerrors.NotFound || errors.Is(err, syscall.ENOTDIR)
}

func fail(op, name string, err error) error {
	return driver.Fail("archiveblob."+op, "", "object", name, plain(err))
}

// plain hides the queries of URLs in an error's text: an Azure SAS token would be there.
func plain(err error) error {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err
	}
	if _, query, found := strings.Cut(failed.URL, "?"); found && query != "" {
		return &hiding{err, query}
	}
	return err
}

type hiding struct {
	err   error
	query string
}

func (e *hiding) Error() string { return strings.ReplaceAll(e.err.Error(), e.query, driver.Redacted) }
func (e *hiding) Unwrap() error { return e.err }
