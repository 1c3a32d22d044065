package enginetest

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/neurondex/neurondex/internal/loopbacktest"
	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/require"
)

var emulators = flag.Bool("emulators", false, "test Google Cloud Storage and Azure on fake-gcs-server and azurite-blob, which must be installed")

// startEmulator starts a program of the path until the test ends. In its arguments, HOST, PORT
// and ADDRESS stand for where it listens.
func startEmulator(t *testing.T, name string, args ...string) *process {
	t.Helper()
	if !*emulators {
		t.Skip("run with -emulators")
	}
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	p := &process{T: t, path: path, address: loopbacktest.Address(t)}
	host, port, err := net.SplitHostPort(p.address)
	require.NoError(t, err)
	places := strings.NewReplacer("HOST", host, "PORT", port, "ADDRESS", p.address)
	for _, arg := range args {
		p.args = append(p.args, places.Replace(arg))
	}
	p.start()
	t.Cleanup(p.kill)
	return p
}

// prefixes returns a function that opens a new prefix of a bucket for each test.
func prefixes(url, query string) func(t *testing.T) func() release.Store {
	var n atomic.Int64
	return func(t *testing.T) func() release.Store {
		return opener(t, fmt.Sprintf("%s/%d%s", url, n.Add(1), query))
	}
}

func TestGoogleCloudStorage(t *testing.T) {
	p := startEmulator(t, "fake-gcs-server", "-host", "HOST", "-port", "PORT", "-public-host", "ADDRESS", "-scheme", "http", "-backend", "memory", "-log-level", "error")
	t.Setenv("STORAGE_EMULATOR_HOST", p.address)
	resp, err := http.Post("http://"+p.address+"/storage/v1/b?project=test", "application/json", strings.NewReader(`{"name": "bucket"}`))
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	storetest.Run(t, prefixes("gs://bucket", "?anonymous=true"))
}

func TestAzure(t *testing.T) {
	p := startEmulator(t, "azurite-blob", "--blobHost", "HOST", "--blobPort", "PORT", "--silent", "--skipApiVersionCheck", "--inMemoryPersistence")
	// The account and the key are those that every emulator has.
	connection := "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
		"BlobEndpoint=http://" + p.address + "/devstoreaccount1;"
	t.Setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
	// Without these, http is refused.
	t.Setenv("AZURE_STORAGE_DOMAIN", p.address)
	t.Setenv("AZURE_STORAGE_IS_LOCAL_EMULATOR", "true")
	client, err := azblob.NewClientFromConnectionString(connection, nil)
	require.NoError(t, err)
	_, err = client.CreateContainer(context.Background(), "container", nil)
	require.NoError(t, err)
	storetest.Run(t, prefixes("azblob://container", ""))
}
