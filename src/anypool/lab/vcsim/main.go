// Command vcsim runs govmomi's simulated vCenter for the lab and the tests.
//
// Arguments say how large it is; the password comes in VCSIM_PASSWORD, so that no list of
// processes shows it. The address is printed once it listens. It ends when its input does,
// with whoever started it.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"strconv"
	"strings"

	_ "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

type options struct {
	listen, user, cert, key, state string
	site                           string
	clusters, hosts, vms           int
	datastores, networks           int
	idle                           float64
	verbose                        bool
}

func parse() options {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "address and port")
	flag.StringVar(&o.user, "user", "", "who may log in")
	flag.StringVar(&o.cert, "cert", "", "file of the certificate")
	flag.StringVar(&o.key, "key", "", "file of its key")
	flag.IntVar(&o.clusters, "clusters", 1, "clusters")
	flag.IntVar(&o.hosts, "hosts", 3, "hosts of each cluster")
	flag.IntVar(&o.vms, "vms", 2, "VMs of each cluster")
	flag.IntVar(&o.datastores, "datastores", 2, "datastores that every host has")
	flag.IntVar(&o.networks, "networks", 1, "distributed port groups")
	flag.Func("slow", "kind=seconds: how long tasks of a kind take", slowness)
	flag.Func("forbid", "a method that nobody may call", func(method string) error {
		simulator.SetForbidden(method)
		return nil
	})
	flag.Float64Var(&o.idle, "idle", 0, "seconds after which an unused session ends, 0 for never")
	flag.StringVar(&o.site, "site", "", "which of several vCenters over the same storage it is")
	flag.BoolVar(&o.verbose, "verbose", false, "say on standard error what is asked")
	flag.Parse()
	return o
}

func slowness(text string) error {
	at := strings.Index(text, "=")
	if at < 0 {
		return fmt.Errorf("%q is not kind=seconds", text)
	}
	seconds, err := strconv.ParseFloat(text[at+1:], 64)
	if err == nil {
		simulator.SetSlow(text[:at], seconds)
	}
	return err
}

func model(o options) *simulator.Model {
	m := simulator.VPX()
	m.Host = 0
	m.Cluster = o.clusters
	m.ClusterHost = o.hosts
	m.Machine = o.vms
	m.Datastore = o.datastores
	m.Portgroup = o.networks
	return m
}

func main() {
	o := parse()
	if !o.verbose {
		log.SetOutput(io.Discard)
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		stop(err)
	}
	simulator.SetIdleLimit(o.idle)
	m := model(o)
	if err := m.Create(); err != nil {
		stop(err)
	}
	defer m.Remove()
	simulator.SetSite(o.site)
	m.Service.RegisterEndpoints = true
	m.Service.Listen = &url.URL{
		Host: o.listen,
		User: url.UserPassword(o.user, os.Getenv("VCSIM_PASSWORD")),
	}
	m.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server := m.Service.NewServer()
	defer server.Close()
	fmt.Println(server.URL.Host)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func stop(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
