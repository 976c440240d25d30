// Package storagetest is the proof of an archive.Storage: what the interface promises, each a test
// of its own.
//
//	func TestStorage(t *testing.T) {
//		storagetest.Run(t, func(t *testing.T) archive.Storage { return openMine(t) })
//	}
//
// No behaviour depends on how long something takes. With -short the sizes are smaller.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/neomultitenant/neoevents/archive"
	"github.com/neomultitenant/neoevents/driver"
)

// Run checks every behaviour as a subtest of t. open gives each a Storage of its own, with nothing
// in it.
func Run(t *testing.T, open func(t *testing.T) archive.Storage) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			b.run(&test{T: t, ctx: ctx, storage: open(t)})
		})
	}
}

// patience is how long a behaviour may take. No outcome depends on it unless something hangs.
const patience = 5 * time.Minute

// A behaviour is one promise. Its name says which.
type behaviour struct {
	name string
	run  func(t *test)
}

var behaviours = []behaviour{
	{"KeepsBytesAsTheyAre", keepsBytesAsTheyAre},
	{"KeepsLargeObjects", keepsLargeObjects},
	{"KeepsManyObjectsApart", keepsManyObjectsApart},
	{"MayBeReadByManyAtOnce", mayBeReadByManyAtOnce},
	{"ShowsNothingBeforeCommit", showsNothingBeforeCommit},
	{"AbortLeavesNothing", abortLeavesNothing},
	{"AbortAfterCommitHasNoEffect", abortAfterCommitHasNoEffect},
	{"AWriterEndsOnce", aWriterEndsOnce},
	{"NeverReplacesAnObject", neverReplacesAnObject},
	{"TheFirstCommitOfANameWins", theFirstCommitOfANameWins},
	{"OneOfManyWritersOfANameWins", oneOfManyWritersOfANameWins},
	{"ANameIsFreeAfterDelete", aNameIsFreeAfterDelete},
	{"OpenOfWhatIsNotThereIsMissing", openOfWhatIsNotThereIsMissing},
	{"DeleteOfWhatIsNotThereIsNoError", deleteOfWhatIsNotThereIsNoError},
	{"DeleteTakesOneObjectOnly", deleteTakesOneObjectOnly},
	{"ListsByName", listsByName},
	{"ListsByPrefix", listsByPrefix},
	{"ListsTheSizes", listsTheSizes},
	{"AListMayBeLeftEarly", aListMayBeLeftEarly},
	{"RefusesNames", refusesNames},
	{"RefusesPrefixes", refusesPrefixes},
	{"ACancelledContextEndsACall", aCancelledContextEndsACall},
	{"ACancelledContextEndsAWrite", aCancelledContextEndsAWrite},
	{"TheLocationIsThatOfAllCalls", theLocationIsThatOfAllCalls},
}

// A test is what a behaviour is given, and ways to use it that fail the test if they fail.
type test struct {
	*testing.T
	ctx     context.Context
	storage archive.Storage
}

func (t *test) ok(doing string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", doing, err)
	}
}

func (t *test) want(doing string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want one that is %v", doing, err, want)
	}
}

// wantInvalid wants an error that names the field.
func (t *test) wantInvalid(doing string, err error, field string) {
	t.Helper()
	var invalid *driver.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, driver.ErrInvalid) || invalid.Field != field {
		t.Errorf("%s: got error %v, want a driver.InvalidError of %s", doing, err, field)
	}
}

func (t *test) create(name string) archive.Writer {
	t.Helper()
	writer, err := t.storage.Create(t.ctx, name)
	t.ok("Create "+name, err)
	return writer
}

func (t *test) write(writer archive.Writer, content []byte) {
	t.Helper()
	n, err := writer.Write(content)
	t.ok("Write", err)
	if n != len(content) {
		t.Fatalf("Write: got %d bytes written, want %d", n, len(content))
	}
}

// put makes an object.
func (t *test) put(name string, content []byte) {
	t.Helper()
	writer := t.create(name)
	t.write(writer, content)
	t.ok("Commit of "+name, writer.Commit())
}

// wantObject wants an object with this content.
func (t *test) wantObject(name string, content []byte) {
	t.Helper()
	reader, err := t.storage.Open(t.ctx, name)
	t.ok("Open "+name, err)
	got, err := io.ReadAll(reader)
	t.ok("reading "+name, err)
	t.ok("Close of the reader of "+name, reader.Close())
	if !bytes.Equal(got, content) {
		t.Errorf("%s: got %d bytes that begin with %.40q, want %d that begin with %.40q", name, len(got), got, len(content), content)
	}
}

// wantMissing wants no object of this name.
func (t *test) wantMissing(name string) {
	t.Helper()
	reader, err := t.storage.Open(t.ctx, name)
	if err == nil {
		_ = reader.Close()
	}
	t.want("Open "+name, err, archive.ErrMissing)
}

// wantNames wants these names in the list of a prefix, in this order.
func (t *test) wantNames(prefix string, names ...string) {
	t.Helper()
	var got []string
	for object, err := range t.storage.List(t.ctx, prefix) {
		t.ok("List "+prefix, err)
		got = append(got, object.Name)
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("List %q: got %q, want %q", prefix, got, names)
	}
}

// content is so many bytes that nothing compresses and that follow from the seed.
func content(seed uint64, size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		seed = seed*6364136223846793005 + 1442695040888963407
		bytes[i] = byte(seed >> 56)
	}
	return bytes
}
