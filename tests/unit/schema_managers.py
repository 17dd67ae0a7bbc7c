"""Rows of the tables of managers, for the golden databases; no test of its own."""

from anypool.store import Tx, marks, peers, poolleases


def managers(tx: Tx) -> None:
    """Write a manager that is drained and still has a pool."""
    marks.begin(tx, "w1", "m1")
    peers.put(tx, peers.Peer(holder="m1:1:0", host="m1", address="https://m1:1", started_at=1.0))
    peers.drain(tx, "m1:1:0", "ada")
    poolleases.deal(tx, {"default": "m1:1:0"}, {"m1:1:0": poolleases.digest("key")})
