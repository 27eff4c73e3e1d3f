"""Bring a crate into a repository that runs InvenioRDM, such as Zenodo.

Start with :func:`deposit_crate`; :func:`find_server` and :func:`find_token` give it what it needs.
"""

from biocodes_crate.deposit.choice import Wanted
from biocodes_crate.deposit.client import Client, Patience
from biocodes_crate.deposit.deposit import Deposited, InvalidCrate, Options, deposit_crate
from biocodes_crate.deposit.dryrun import Planned, plan_deposit
from biocodes_crate.deposit.memory import Memory
from biocodes_crate.deposit.records import Draft, Records
from biocodes_crate.deposit.servers import Limits, Server, find_server
from biocodes_crate.deposit.settings import Settings, read_settings
from biocodes_crate.deposit.token import Token, find_token

__all__ = [
    "Client",
    "Deposited",
    "Draft",
    "InvalidCrate",
    "Limits",
    "Memory",
    "Options",
    "Patience",
    "Planned",
    "Records",
    "Server",
    "Settings",
    "Token",
    "Wanted",
    "deposit_crate",
    "find_server",
    "find_token",
    "plan_deposit",
    "read_settings",
]
