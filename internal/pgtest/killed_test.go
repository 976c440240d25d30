package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// envVictim makes this test binary the process that TestAKilledProcessLeavesNothingBehind kills.
const envVictim = "NEOEVENTS_TEST_VICTIM"

func TestAKilledProcessLeavesNothingBehind(t *testing.T) {
	if os.Getenv(envVictim) != "" {
		beVictim()
	}
	if _, err := findBinaries(); err != nil {
		if insists("binaries") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	victim := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	victim.Env = append(os.Environ(), envVictim+"=1")
	output, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	_ = victim.Process.Kill()
	_ = victim.Wait()

	dsn, folder, found := strings.Cut(strings.TrimSpace(line), " ")
	if !found {
		t.Skipf("the server did not start in another process: %q", line)
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal("the other process did not print a URL")
	}
	if !closesWithin(config.Host, config.Port, 10*time.Second) {
		t.Error("the server of a killed process still listens")
	}
	if !goneWithin(filepath.Dir(folder), 10*time.Second) {
		t.Errorf("%s is still there", folder)
	}
}

// beVictim starts a server, prints its URL and data directory, and waits for its end.
func beVictim() {
	srv, err := viaBinaries(context.Background(), settings{})
	if err != nil {
		fmt.Println(oneLine(err))
		os.Exit(1)
	}
	dsn := srv.url.String()
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		fmt.Println(oneLine(err))
		os.Exit(1)
	}
	var folder string
	if err := conn.QueryRow(context.Background(), "show data_directory").Scan(&folder); err != nil {
		fmt.Println(oneLine(err))
		os.Exit(1)
	}
	fmt.Println(dsn, folder)
	select {}
}

func goneWithin(path string, patience time.Duration) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return true
		}
	}
	return false
}
