"""What is kept for a while, on PostgreSQL: the same tests as on SQLite."""

import pytest

from tests.service.test_store_postgres import migrated as migrated
from tests.service.test_store_postgres import server as server
from tests.service.test_store_postgres import store as store
from tests.service.test_store_postgres import url as url
from tests.unit.test_inventories import *  # noqa: F403
from tests.unit.test_load_recorder import *  # noqa: F403
from tests.unit.test_retention import *  # noqa: F403

# The clock of these begins at a full hour; the others do not mind.
from tests.unit.test_load_recorder import clock as clock  # isort: skip

pytestmark = pytest.mark.postgres

# They open databases of their own, always SQLite.
del test_a_kill_loses_the_last_slot_at_most  # noqa: F821
del test_an_inventory_comes_back_byte_for_byte  # noqa: F821
