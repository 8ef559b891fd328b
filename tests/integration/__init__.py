"""Real proxies in front of real servers, started from the documented files.

To be read from the bottom up: `process` starts and stops one program, `client` speaks
raw HTTP, `servers` and `proxies` describe one family each, `stack` puts them in a row,
`cases` is what clients send, and `deployments` is what the documentation shows.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.client", f"{__name__}.deployments")
