"""Every command by group: where it is, imported only when it is used, and what it is for."""

from cyclopts import Group

COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Try it": {
        "demo": ("demo:app", "a simulated pool with failures to play, from nothing"),
        "quickstart": (
            "quickstart:quickstart",
            "a small pool of real hypervisors, on this machine",
        ),
        "simulate": ("simulate:simulate", "what would happen in a pool that exists only in files"),
        "tour": ("tour:tour", "the main job on real hypervisors, checked from outside"),
        "lab": ("lab:app", "the servers that those are made of: freeze, kill, cut them off"),
        "doctor": ("doctor:doctor", "what is missing on this machine"),
    },
    "The pool": {
        "host": ("host:app", "servers that run VMs: add, list, evacuate"),
        "server": ("server:app", "physical machines, whether or not they run VMs"),
        "profile": ("profile:app", "identities of servers, made before any is there"),
        "boot-service": ("boot_service:app", "hosts that servers boot from, and their images"),
        "address-range": ("address_range:app", "MACs and WWNs that profiles are given"),
        "vm": ("vm:app", "VMs: create, list, migrate, start, stop, change, open a console"),
        "image": ("image:app", "what VMs are made from"),
        "datastore": ("datastore:app", "places for volumes"),
        "volume": ("volume:app", "disks of VMs"),
        "network": ("network:app", "what VMs are attached to"),
        "endpoint": ("endpoint:app", "addresses through which hosts are managed"),
        "pool": ("pool:app", "hosts that are managed together"),
        "service": ("service:app", "applications with components"),
        "policy": ("policy:app", "rules that VMs and hosts are to keep"),
    },
    "What goes on": {
        "plan": ("plan:app", "proposals with reasons and a price"),
        "price": ("price:app", "what prices are made of, and what runs taught about them"),
        "operation": ("operation:app", "plans that are being carried out, or were"),
        "ha": ("ha:app", "what runs again by itself when a host dies, and what does not"),
        "booking": ("booking:app", "room that is kept for VMs to come"),
        "calendar": ("calendar:app", "servers that are one thing now and another at the weekend"),
        "rollout": ("rollout:app", "pools that are maintained host by host"),
        "event": ("event:app", "what happened"),
        "notify": ("notify:app", "who is told of what happened, by mail, webhook or syslog"),
        "audit": ("audit:app", "who did what, and whether that record still holds"),
        "inventory": ("inventory:app", "the pool as it was, and what has changed since"),
    },
    "Who may": {
        "login": ("login:login", "log in to a manager, and make it the one that is spoken to"),
        "context": ("login:app", "managers that are known here"),
        "user": ("user:app", "people and their roles"),
        "token": ("token:app", "secrets for programs"),
    },
    "The manager": {
        "serve": ("serve:serve", "run the manager"),
        "manager": ("managers:app", "who works on the same records, and who leads"),
        "login-link": ("serve:login_link", "a link that logs a user in once"),
        "resync": ("resync:app", "after a restore: what is read-only until it was read"),
        "retention": ("retention:app", "how long records are kept"),
        "backup": ("backup:app", "the manager's own records in one file"),
        "restore": ("records:restore", "bring those records back from such a file"),
        "db": ("records:app", "move the records to another database"),
        "secret": ("secret:app", "the keys that passwords are encrypted with"),
        "tls": ("certificates:app", "certificates: until when they are good, and renewing them"),
        "support": ("support:app", "what somebody who helps needs to see"),
        "systemd-unit": ("systemd_unit:systemd_unit", "the files that make a service of it"),
        "completion": ("completion:completion", "completion for bash, zsh or fish"),
    },
}
GROUPS = {name: Group(name, sort_key=number) for number, name in enumerate(COMMANDS, start=1)}
