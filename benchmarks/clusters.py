"""Made-up clusters in the format of Ganeti's htools, the same for the same seed."""

import random

MEMORY_MIB, OWN_MIB, CORES, DISK_MIB = 524_288, 4_096, 64, 20 << 20
HEADROOM_MIB = 80_000
VCPUS_PER_CORE = 4
SIZES = (
    (2_048, 1, 20),
    (4_096, 2, 40),
    (8_192, 2, 80),
    (16_384, 4, 160),
    (32_768, 8, 320),
    (65_536, 16, 640),
)
"""Memory in MiB, vCPUs and disk in GiB of the VMs, small ones more often than large ones."""

OFTEN = (20, 30, 25, 15, 7, 3)
SPEC = (
    "128,1,1024,1,1,1|128,1,1024,1,1,1;131072,64,4194304,16,8,12"
    "|diskless,file,sharedfile,plain,blockdev,drbd,rbd,ext,gluster|64.0|512.0"
)


def cluster(hosts: int, vms_per_host: int, seed: int, skew: float = 1.5) -> str:
    """Return a cluster on shared storage; the larger `skew`, the more unlike the hosts' loads."""
    rng = random.Random(seed)
    free, vcpus = [MEMORY_MIB - OWN_MIB] * hosts, [0] * hosts
    weights = [rng.random() ** skew + 0.05 for _ in range(hosts)]
    instances = []
    for number in range(hosts * vms_per_host):
        memory, cpus, disk = rng.choices(SIZES, OFTEN)[0]
        host = _host(rng, weights, memory, (free, vcpus))
        free[host] -= memory
        vcpus[host] += cpus
        instances.append(
            f"vm{number:06d}|{memory}|{disk << 10}|{cpus}|running|Y|host{host:04d}||ext||1|-"
        )
    nodes = [
        f"host{host:04d}|{MEMORY_MIB}|{OWN_MIB}|{free[host]}|{DISK_MIB}|{DISK_MIB}|{CORES}|"
        f"{'N' if host else 'M'}|uuid-default|1||N|0|0|1.0"
        for host in range(hosts)
    ]
    sections = ["default|uuid-default|preferred||", "\n".join(nodes), "\n".join(instances)]
    policies = f"|{SPEC}\ndefault|{SPEC}\n"
    return "\n\n".join([*sections, "", policies]).replace("\n\n\n\n", "\n\n\n")


def _host(
    rng: random.Random, weights: list[float], memory: int, used: tuple[list[int], list[int]]
) -> int:
    free, vcpus = used
    most = max(weights)
    for _ in range(200 * len(weights)):
        host = rng.randrange(len(weights))
        room = free[host] > memory + HEADROOM_MIB and vcpus[host] <= CORES * VCPUS_PER_CORE
        if room and rng.random() * most < weights[host]:
            return host
    return max(range(len(weights)), key=lambda host: free[host])
