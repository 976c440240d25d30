package archiveblob_test

import (
	"errors"
	"path"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/archive/archiveblob"
	"github.com/neomultitenant/neoevents/archive/storagetest"
	"github.com/neomultitenant/neoevents/driver"
)

func open(t *testing.T, bucket *blob.Bucket, location string) *archiveblob.Bucket {
	t.Helper()
	t.Cleanup(func() {
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	storage, err := archiveblob.New(bucket, location)
	if err != nil {
		t.Fatal(err)
	}
	return storage
}

// notInFiles is what fileblob, which the documentation advises against, does not do.
var notInFiles = map[string]string{
	"ListsByName":                     "fileblob lists a/b before a-b",
	"DeleteOfWhatIsNotThereIsNoError": "fileblob takes a folder for a file when it deletes",
}

func TestABucketIsAStorage(t *testing.T) {
	t.Run("memblob", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) archive.Storage { return open(t, memblob.OpenBucket(nil), "mem://tests") })
	})
	t.Run("below a prefix", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) archive.Storage {
			return open(t, blob.PrefixedBucket(memblob.OpenBucket(nil), "archives/"), "mem://tests/archives")
		})
	})
	t.Run("fileblob", func(t *testing.T) {
		storagetest.Run(t, func(t *testing.T) archive.Storage {
			if reason := notInFiles[path.Base(t.Name())]; reason != "" {
				t.Skip(reason)
			}
			bucket, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{Metadata: fileblob.MetadataDontWrite})
			if err != nil {
				t.Fatal(err)
			}
			return open(t, bucket, "file:///tests")
		})
	})
}

func TestNewRefusesWhatMayHoldACredential(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	const canary = "c4nary"
	for _, location := range []string{"", "bucket", "s3://" + canary + "@bucket", "s3://user:" + canary + "@bucket", "azblob://bucket?sig=" + canary, "s3://bucket#" + canary, "s3://%zz" + canary} {
		_, err := archiveblob.New(bucket, location)
		var invalid *driver.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != "location" {
			t.Errorf("%q: got error %v, want a driver.InvalidError of location", location, err)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%q: the error repeats it: %v", location, err)
		}
	}
	if _, err := archiveblob.New(nil, "mem://tests"); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("no bucket: got error %v, want driver.ErrInvalid", err)
	}
}

func TestTheLocationIsTheOneGiven(t *testing.T) {
	for _, location := range []string{"s3://acme-archives", "gs://acme/2026", "file:///var/archives"} {
		if got := open(t, memblob.OpenBucket(nil), location).Location(); got != location {
			t.Errorf("got %q, want %q", got, location)
		}
	}
}

func TestForeignObjectsAreNotListed(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	storage := open(t, bucket, "mem://tests")
	for _, key := range []string{"a b", "a/", "/a", "a/.hidden", "ä", "a/b"} {
		if err := bucket.WriteAll(t.Context(), key, []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for object, err := range storage.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, object.Name)
	}
	if strings.Join(got, " ") != "a/b" {
		t.Errorf("got %q, want a/b alone", got)
	}
}

func TestErrorsTellWhatFailedOnWhat(t *testing.T) {
	bucket := memblob.OpenBucket(nil)
	storage, err := archiveblob.New(bucket, "mem://tests")
	if err != nil {
		t.Fatal(err)
	}
	_, missing := storage.Open(t.Context(), "a/b")
	if err := bucket.Close(); err != nil {
		t.Fatal(err)
	}
	_, closed := storage.Create(t.Context(), "a/b")
	for op, err := range map[string]error{"archiveblob.Open": missing, "archiveblob.Create": closed} {
		var failed *driver.Error
		if !errors.As(err, &failed) || failed.Op != op || failed.Entity != "object" || failed.Key != "a/b" {
			t.Errorf("got error %v, want a driver.Error of %s and the object a/b", err, op)
		}
	}
	if errors.Is(closed, driver.ErrAlreadyExists) {
		t.Errorf("Create in a closed bucket: got error %v, want none of driver.ErrAlreadyExists", closed)
	}
}
