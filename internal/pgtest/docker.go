package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

const (
	defaultImage = "postgres:17-alpine"

	// A newcomer's first test run should not seem to hang: without the image in this time the local
	// binaries have their turn. Who insists on docker waits longer.
	pullPatience    = time.Minute
	pullPatienceMax = 10 * time.Minute

	// startPatience is for a container to accept connections; a first start runs initdb.
	startPatience = 90 * time.Second

	// containerLife is when the engine kills a container whose test process was killed.
	containerLife = time.Hour
)

// viaDocker runs a container of the image.
func viaDocker(ctx context.Context, s settings) (*server, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return nil, fmt.Errorf("find a Docker Engine: %w", err)
	}
	if err := ping(ctx, pool.Client); err != nil {
		return nil, fmt.Errorf("no Docker Engine answers: %w", err)
	}
	repository, tag := splitImage(cmp.Or(os.Getenv(envImage), defaultImage))
	if err := ensureImage(ctx, pool.Client, repository, tag); err != nil {
		return nil, err
	}

	password := rand.Text()
	host, bind := hosts(pool.Client.Endpoint())
	container, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: repository,
		Tag:        tag,
		Env: []string{
			"POSTGRES_PASSWORD=" + password, "POSTGRES_DB=postgres", "POSTGRES_INITDB_ARGS=--no-sync", "PGDATA=/pgtest/data",
		},
		Cmd:          s.tuning(),
		ExposedPorts: []string{"5432/tcp"},
		PortBindings: map[docker.Port][]docker.PortBinding{"5432/tcp": {{HostIP: bind}}},
		Labels:       map[string]string{"neoevents": "test"},
	}, func(config *docker.HostConfig) {
		config.AutoRemove = true
		if !s.fsync {
			config.Tmpfs = map[string]string{"/pgtest": ""} // see memory
		}
	})
	if err != nil {
		return nil, fmt.Errorf("start a container of %s:%s: %w", repository, tag, err)
	}
	_ = container.Expire(uint(containerLife.Seconds())) // asks in the background, never fails

	srv := newServer(host, container.GetPort("5432/tcp"), password, func() { _ = container.Close() })
	if err := awaitContainer(ctx, pool.Client, container.Container.ID, srv); err != nil {
		srv.stop()
		return nil, fmt.Errorf("wait for PostgreSQL in a container of %s:%s: %w", repository, tag, err)
	}
	return srv, nil
}

func ping(ctx context.Context, client *docker.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return client.PingWithContext(ctx)
}

// ensureImage pulls the image unless the engine has it.
func ensureImage(ctx context.Context, client *docker.Client, repository, tag string) error {
	if _, err := client.InspectImage(repository + ":" + tag); err == nil {
		return nil
	}
	patience := pullPatience
	if insists("docker") {
		patience = pullPatienceMax
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := client.PullImage(docker.PullImageOptions{Repository: repository, Tag: tag, Context: ctx}, docker.AuthConfiguration{})
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s:%s was not pulled within %s; run docker pull %[1]s:%[2]s", repository, tag, patience)
	}
	if err != nil {
		return fmt.Errorf("pull %s:%s: %w", repository, tag, err)
	}
	return nil
}

// awaitContainer returns when the server accepts connections, or can't any more.
func awaitContainer(ctx context.Context, client *docker.Client, id string, srv *server) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		failure := srv.exec(ctx, "select 1")
		if failure == nil {
			return nil
		}
		if state, err := client.InspectContainer(id); err != nil || !state.State.Running {
			return errors.New("it ended by itself; docker run shows why")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", startPatience, failure)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// hosts tells where the engine publishes ports: the host to connect to, and the address to bind. On
// this machine only this machine may connect.
func hosts(endpoint string) (host, bind string) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" || u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback() {
		return "127.0.0.1", "127.0.0.1"
	}
	return u.Hostname(), "0.0.0.0"
}

// splitImage splits repository[:tag] and repository@algorithm:digest at the last colon, which is
// where dockertest joins them again.
func splitImage(image string) (repository, tag string) {
	colon := strings.LastIndex(image, ":")
	if colon < 0 || strings.Contains(image[colon:], "/") { // none, or the one before a registry's port
		return image, "latest"
	}
	return image[:colon], image[colon+1:]
}
