package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/neomultitenant/neoevents/driver"
)

// Manifest is what is known of an archive without reading its events. It is stored beside them as
// JSON that ends with a line "checksum", the SHA-256 of the bytes before that line:
//
//	head -n -2 NAME.manifest.json | sha256sum
type Manifest struct {
	Format    string    `json:"format"`     // ManifestFormat
	Version   int       `json:"version"`    // of the format; this library writes 1
	ArchiveID uuid.UUID `json:"archive_id"` // of the driver's record
	Schema    string    `json:"schema"`     // that the events are of
	CreatedAt time.Time `json:"created_at"` // when writing began, by the clock of the machine that wrote

	Object      string `json:"object"`      // the name of the object with the events
	Compression string `json:"compression"` // "zstd"
	KeyID       string `json:"key_id"`      // of the key that it is encrypted with; "": it is not
	SizeBytes   int64  `json:"size_bytes"`  // of the object as it is stored
	SHA256      string `json:"sha256"`      // of the object as it is stored, in hexadecimal

	EventCount    int64     `json:"event_count"`
	RawBytes      int64     `json:"raw_bytes"`    // of all lines, before compression
	LongestLine   int64     `json:"longest_line"` // in bytes, with its line end
	FirstPosition int64     `json:"first_position"`
	LastPosition  int64     `json:"last_position"`
	EventsFrom    time.Time `json:"events_from"` // the earliest OccurredAt
	EventsTo      time.Time `json:"events_to"`   // the latest OccurredAt

	// EventTypes and ContextIDs are those that occur, each once, sorted. There are at most
	// MaxManifestList, the first ones of more; then the flag is set. Events without a context are
	// not told of.
	EventTypes          []string    `json:"event_types"`
	EventTypesTruncated bool        `json:"event_types_truncated"`
	ContextIDs          []uuid.UUID `json:"context_ids"`
	ContextIDsTruncated bool        `json:"context_ids_truncated"`
}

const (
	// ManifestFormat is the Format of a Manifest.
	ManifestFormat = "neoevents.archive"
	// MaxManifestList is how many event types and contexts a Manifest names.
	MaxManifestList = 1000

	manifestVersion  = 1
	compressionZstd  = "zstd"
	maxManifestBytes = 1 << 20 // a full one has 360 kB
	// maxLineBytes is what a line can have: two payloads at the highest limit, each of which is
	// twice as long as text at the worst, and the rest.
	maxLineBytes = 4*driver.MaxPayloadLimit + 64<<10
)

func manifestName(name string) string { return name + ".manifest.json" }

// objectName is the name of the object with the events of the archive called name.
func objectName(name string, encrypted bool) string {
	if encrypted {
		return name + ".jsonl.zst.age"
	}
	return name + ".jsonl.zst"
}

// The end of a manifest's file, around its checksum.
const (
	checksumStart = `  "checksum": "`
	checksumEnd   = "\"\n}\n"
)

// encode returns the manifest's file.
func (m Manifest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	text = append(bytes.TrimSuffix(text, []byte("\n}")), ",\n"...)
	sum := sha256.Sum256(text)
	text = append(text, checksumStart...)
	text = hex.AppendEncode(text, sum[:])
	return append(text, checksumEnd...), nil
}

// decodeManifest reads a manifest's file. An error is an [ErrCorrupt] or an [ErrTooNew].
func decodeManifest(file string, text []byte) (Manifest, error) {
	fields, err := checkSum(text)
	if err != nil {
		return Manifest{}, corrupt(file, err.Error())
	}
	var m Manifest
	var format struct {
		Format  string
		Version int
	}
	if err := json.Unmarshal(fields, &format); err != nil || format.Format != ManifestFormat {
		return Manifest{}, corrupt(file, "is not the manifest of an archive")
	}
	if format.Version > manifestVersion {
		return Manifest{}, &driver.Error{Kind: ErrTooNew, Err: fmt.Errorf("%s has version %d of the format, this library knows %d; update it", file, format.Version, manifestVersion)}
	}
	decoder := json.NewDecoder(bytes.NewReader(fields))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return Manifest{}, corrupt(file, "has fields that do not fit")
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// checkSum returns the JSON of a manifest's file without its checksum, if that is right.
func checkSum(text []byte) ([]byte, error) {
	fields := len(text) - len(checksumStart) - hex.EncodedLen(sha256.Size) - len(checksumEnd)
	if fields < 0 {
		return nil, errors.New("is too short")
	}
	sum := sha256.Sum256(text[:fields])
	end := hex.AppendEncode([]byte(checksumStart), sum[:])
	if !bytes.Equal(append(end, checksumEnd...), text[fields:]) {
		return nil, errors.New("has another checksum than what it says")
	}
	return slices.Concat(bytes.TrimSuffix(text[:fields], []byte(",\n")), []byte("}")), nil
}

var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check reports a manifest that this library would not have written, as an [ErrCorrupt].
func (m *Manifest) check() error {
	reason := ""
	switch {
	case m.Format != ManifestFormat || m.Version != manifestVersion || m.Compression != compressionZstd:
		reason = "has a manifest of another format"
	case CheckName(m.Object) != nil || driver.ValidateSchema(m.Schema) != nil || m.ArchiveID == uuid.Nil:
		reason = "has a manifest that does not say which archive it is"
	case m.SizeBytes < 1 || !sha256Pattern.MatchString(m.SHA256):
		reason = "has a manifest without its size or SHA-256"
	case m.EventCount < 1 || m.LongestLine < 1 || m.LongestLine > m.RawBytes || m.LongestLine > maxLineBytes:
		reason = "has a manifest with a wrong size or count"
	default:
		return nil
	}
	return corrupt(m.Object, reason)
}

// writeManifest stores the manifest of the archive called name.
func writeManifest(ctx context.Context, storage Storage, name string, m Manifest) error {
	file := manifestName(name)
	text, err := m.encode()
	if err != nil {
		return err
	}
	out, err := storage.Create(ctx, file)
	if err != nil {
		return because("create", file, err)
	}
	defer out.Abort()
	if _, err := out.Write(text); err != nil {
		return because("write", file, err)
	}
	return because("commit", file, out.Commit())
}

// readManifest reads the manifest of the archive called name. Errors: the storage's, [ErrMissing]
// among them; [ErrCorrupt], also of a manifest that belongs to an archive of another name;
// [ErrTooNew].
func readManifest(ctx context.Context, storage Storage, name string) (Manifest, error) {
	file := manifestName(name)
	in, err := storage.Open(ctx, file)
	if err != nil {
		return Manifest{}, because("open", file, err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxManifestBytes+1))
	if err != nil {
		return Manifest{}, because("read", file, err)
	}
	if len(text) > maxManifestBytes {
		return Manifest{}, corrupt(file, "is too long for a manifest")
	}
	m, err := decodeManifest(file, text)
	if err != nil {
		return Manifest{}, err
	}
	if m.Object != objectName(name, m.KeyID != "") {
		return Manifest{}, corrupt(file, "is the manifest of another archive")
	}
	return m, nil
}
