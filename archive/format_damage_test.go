package archive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
)

// eachObject runs a test on each of the two objects of a small archive, plain and encrypted. It may
// change the object; content is what was written.
func eachObject(t *testing.T, run func(t *testing.T, a archived, object string, content []byte)) {
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, newEvents(3))
		if err := a.verify(); err != nil {
			t.Fatal(err)
		}
		objects := a.storage.(*memory).objects
		for name, object := range map[string]string{"events": m.Object, "manifest": manifestName(a.name)} {
			content := slices.Clone(objects[object])
			t.Run(name, func(t *testing.T) { run(t, a, object, content) })
			objects[object] = content
		}
	})
}

func TestEveryChangedBitIsFound(t *testing.T) {
	eachObject(t, func(t *testing.T, a archived, object string, content []byte) {
		changed := slices.Clone(content)
		a.storage.(*memory).objects[object] = changed
		for at := range content {
			for bit := range 8 {
				if testing.Short() && bit != at%8 {
					continue
				}
				changed[at] = content[at] ^ 1<<bit
				if err := a.verify(); !errors.Is(err, ErrCorrupt) {
					t.Errorf("bit %d of byte %d: got error %v, want ErrCorrupt", bit, at, err)
				}
				if _, err := a.read(); !errors.Is(err, ErrCorrupt) {
					t.Errorf("bit %d of byte %d: reading got error %v, want ErrCorrupt", bit, at, err)
				}
			}
			changed[at] = content[at]
		}
	})
}

func TestEveryCutIsFound(t *testing.T) {
	eachObject(t, func(t *testing.T, a archived, object string, content []byte) {
		for end := range len(content) {
			a.storage.(*memory).objects[object] = content[:end]
			if err := a.verify(); !errors.Is(err, ErrCorrupt) {
				t.Errorf("the first %d bytes of %d: got error %v, want ErrCorrupt", end, len(content), err)
			}
		}
	})
}

func TestWhatWasAppendedIsFound(t *testing.T) {
	eachObject(t, func(t *testing.T, a archived, object string, content []byte) {
		for name, more := range map[string][]byte{"a byte": {0}, "a line end": []byte("\n"), "itself": content, "a megabyte": make([]byte, 1<<20)} {
			a.storage.(*memory).objects[object] = slices.Concat(content, more)
			wantKind(t, name, a.verify(), ErrCorrupt)
		}
	})
}

func TestAMissingObjectIsFound(t *testing.T) {
	eachObject(t, func(t *testing.T, a archived, object string, _ []byte) {
		delete(a.storage.(*memory).objects, object)
		wantKind(t, object, a.verify(), ErrMissing)
		if _, err := a.read(); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), object) {
			t.Errorf("got error %v, want ErrMissing of %s", err, object)
		}
	})
}

func TestSwappedObjectsAreFound(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		b := a
		b.name, b.options.archiveID = "tenant_acme/2027", uuid.New()
		ma, mb := a.write(t, newEvents(3)), b.write(t, newEvents(3))
		objects := a.storage.(*memory).objects
		swap := func(x, y string) { objects[x], objects[y] = objects[y], objects[x] }
		for name, swaps := range map[string][][2]string{
			"events":    {{ma.Object, mb.Object}},
			"manifests": {{manifestName(a.name), manifestName(b.name)}},
			"both":      {{ma.Object, mb.Object}, {manifestName(a.name), manifestName(b.name)}},
		} {
			for _, pair := range swaps {
				swap(pair[0], pair[1])
			}
			wantKind(t, name+" of a", a.verify(), ErrCorrupt)
			wantKind(t, name+" of b", b.verify(), ErrCorrupt)
			for _, pair := range swaps {
				swap(pair[0], pair[1])
			}
		}
		if err := errors.Join(a.verify(), b.verify()); err != nil {
			t.Errorf("in their places again: %v", err)
		}
	})
}

func TestAManifestThatSaysOtherThanTheEventsIsFound(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, newEvents(3))
		for name, change := range map[string]func(*Manifest){
			"count":               func(m *Manifest) { m.EventCount++ },
			"fewer bytes":         func(m *Manifest) { m.RawBytes = m.LongestLine },
			"more bytes":          func(m *Manifest) { m.RawBytes++ },
			"shorter line":        func(m *Manifest) { m.LongestLine-- },
			"longer line":         func(m *Manifest) { m.LongestLine++ },
			"size":                func(m *Manifest) { m.SizeBytes-- },
			"larger size":         func(m *Manifest) { m.SizeBytes++ },
			"SHA-256":             func(m *Manifest) { m.SHA256 = strings.Repeat("0", 64) },
			"SHA-256 in capitals": func(m *Manifest) { m.SHA256 = strings.ToUpper(m.SHA256) },
			"first position":      func(m *Manifest) { m.FirstPosition++ },
			"last position":       func(m *Manifest) { m.LastPosition-- },
			"from":                func(m *Manifest) { m.EventsFrom = m.EventsFrom.Add(1) },
			"to":                  func(m *Manifest) { m.EventsTo = m.EventsTo.Add(1) },
			"types":               func(m *Manifest) { m.EventTypes = m.EventTypes[1:] },
			"types truncated":     func(m *Manifest) { m.EventTypesTruncated = true },
			"contexts":            func(m *Manifest) { m.ContextIDs = []uuid.UUID{uuid.New()} },
			"contexts truncated":  func(m *Manifest) { m.ContextIDsTruncated = true },
			"format":              func(m *Manifest) { m.Format = "tar" },
			"version":             func(m *Manifest) { m.Version = 0 },
			"compression":         func(m *Manifest) { m.Compression = "gzip" },
			"object":              func(m *Manifest) { m.Object = "../a" },
			"schema":              func(m *Manifest) { m.Schema = "" },
			"archive":             func(m *Manifest) { m.ArchiveID = uuid.Nil },
		} {
			changed := m
			change(&changed)
			wantKind(t, name, verifyFile(t.Context(), a.storage, changed, a.options.keys), ErrCorrupt)
			// The same where it is stored, with a checksum that is right.
			text, err := changed.encode()
			if err != nil {
				t.Fatal(err)
			}
			a.storage.(*memory).objects[manifestName(a.name)] = text
			wantKind(t, name+" in the stored one", a.verify(), ErrCorrupt)
		}
	})
}

func TestAManifestOfANewerVersionIsToldApart(t *testing.T) {
	a := newArchived(t, newMemory(), "a", false)
	m := a.write(t, newEvents(1))
	m.Version = 2
	text, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	a.storage.(*memory).objects[manifestName("a")] = text
	err = a.verify()
	wantKind(t, "version 2", err, ErrTooNew)
	if errors.Is(err, ErrCorrupt) {
		t.Errorf("got error %v, want none of ErrCorrupt", err)
	}
}

// forge stores lines as the object of an archive, with a manifest that fits as far as it can.
func forge(t testing.TB, a archived, lines []byte, options ...zstd.EOption) Manifest {
	t.Helper()
	var out bytes.Buffer
	compressed, err := zstd.NewWriter(&out, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compressed.Write(lines); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return forgeObject(a, out.Bytes(), int64(len(lines)))
}

func TestALineThatIsDamagedIsNamed(t *testing.T) {
	a := newArchived(t, newMemory(), "a", false)
	var good [][]byte
	for _, event := range newEvents(3) {
		good = append(good, appendEvent(nil, &event))
	}
	const canary = "c4nary"
	for name, test := range map[string]struct {
		lines []byte
		line  int64
	}{
		"no JSON":             {slices.Concat(good[0], []byte(canary+"\n"), good[2]), 2},
		"an empty line":       {slices.Concat(good[0], good[1], []byte("\n"), good[2]), 3},
		"a carriage return":   {slices.Concat(bytes.Replace(good[0], []byte("\n"), []byte("\r\n"), 1), good[1], good[2]), 1},
		"a field of another":  {slices.Concat(good[0], bytes.Replace(good[1], []byte(`,"event_data"`), []byte(`,"`+canary+`":"`+canary+`","event_data"`), 1)), 2},
		"positions that fall": {slices.Concat(good[1], good[0]), 2},
		"a position twice":    {slices.Concat(good[0], good[0]), 2},
		"no line end":         {slices.Concat(good[0], good[1], bytes.TrimSpace(good[2])), 3},
	} {
		m := forge(t, a, test.lines)
		err := verifyFile(t.Context(), a.storage, m, nil)
		var corrupt *CorruptError
		if !errors.As(err, &corrupt) || !errors.Is(err, ErrCorrupt) || corrupt.Line != test.line || corrupt.Object != "a.jsonl.zst" {
			t.Errorf("%s: got error %v, want ErrCorrupt at line %d", name, err, test.line)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error repeats what is in the line: %v", name, err)
		}
	}
}

func TestAHostileFileTakesLittleMemory(t *testing.T) {
	line := appendEvent(nil, &newEvents(1)[0])
	endless := make([]byte, 256<<20)
	for name, forged := range map[string]func(t *testing.T, a archived) Manifest{
		"an endless line": func(t *testing.T, a archived) Manifest {
			m := forge(t, a, endless, zstd.WithWindowSize(windowBytes))
			m.LongestLine = int64(len(line))
			return m
		},
		"a window of 128 MB": func(t *testing.T, a archived) Manifest {
			var lines []byte
			var s summary
			for _, event := range newEvents(1000) {
				line := appendEvent(nil, &event)
				lines = append(lines, line...)
				if err := s.add(&event, len(line)); err != nil {
					t.Fatal(err)
				}
			}
			m := forge(t, a, lines, zstd.WithWindowSize(128<<20))
			s.describe(&m) // so that nothing but the window is wrong
			return m
		},
		"more than it says": func(t *testing.T, a archived) Manifest {
			m := forge(t, a, endless, zstd.WithWindowSize(windowBytes))
			m.RawBytes, m.LongestLine = 1000, 1000
			return m
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchived(t, newMemory(), "a", false)
			m := forged(t, a)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := verifyFile(t.Context(), a.storage, m, nil)
			runtime.ReadMemStats(&after)
			wantKind(t, name, err, ErrCorrupt)
			if took := after.TotalAlloc - before.TotalAlloc; took > 40<<20 {
				t.Errorf("got %d bytes allocated, want 40 MB at most", took)
			}
		})
	}
}

// failingReads fails when an object was read so far.
type failingReads struct {
	Storage
	after int64
	err   error
}

func (f *failingReads) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := f.Storage.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(in, f.after), iotest.ErrReader(f.err)), in}, nil
}

// What can't be read is not corrupt: the next try may succeed, and nobody should delete it.
func TestAReadErrorIsNotTakenForCorruption(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		m := a.write(t, newEvents(3))
		for after := range m.SizeBytes + 1 {
			failing := &failingReads{a.storage, after, syscall.EIO}
			err := verifyFile(t.Context(), failing, m, a.options.keys)
			if !errors.Is(err, syscall.EIO) || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), m.Object) {
				t.Errorf("after %d bytes: got error %v, want syscall.EIO of %s alone", after, err, m.Object)
			}
		}
		a.storage = &failingReads{a.storage, 10, syscall.EIO}
		if err := a.verify(); !errors.Is(err, syscall.EIO) || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "manifest") {
			t.Errorf("the manifest: got error %v, want syscall.EIO alone", err)
		}
	})
}

func TestAReadErrorBehindWhereReadingStoppedIsNotReported(t *testing.T) {
	a := newArchived(t, newMemory(), "a", false)
	m := a.write(t, newEvents(3))
	// The error comes together with the last bytes, and so before the first event is out.
	failing := &slowReads{&failingReads{a.storage, m.SizeBytes, syscall.EIO}, iotest.DataErrReader}
	for _, err := range readFile(t.Context(), failing, m, nil) {
		if err != nil {
			t.Errorf("got error %v before any event, want an event", err)
		}
		break // here an error would make the loop panic
	}
	if err := verifyFile(t.Context(), failing, m, nil); !errors.Is(err, syscall.EIO) {
		t.Errorf("reading all: got error %v, want syscall.EIO", err)
	}
}

func TestAStorageThatGivesLittleAtATimeIsReadRight(t *testing.T) {
	bothWays(t, func(t *testing.T, a archived) {
		a.write(t, newEvents(20))
		for name, slow := range map[string]func(io.Reader) io.Reader{"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with the error": iotest.DataErrReader} {
			b := a
			b.storage = &slowReads{a.storage, slow}
			if err := b.verify(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

type slowReads struct {
	Storage
	slow func(io.Reader) io.Reader
}

func (s *slowReads) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := s.Storage.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{s.slow(in), in}, nil
}
