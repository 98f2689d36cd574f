"""One Spark for all tests of a process, tuned for tables of a few rows; skips where it is not installed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from journey_engine.engines.spark import Spark

MISSING = "Spark or its Java is not installed; `make setup EXTRAS=spark` and `apt-get install openjdk-17-jre-headless`"
# A JVM for a few minutes and a few rows: no second compiler, no tasks beside each other, no code generated a statement.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.warehouse.dir": f"file://{tempfile.gettempdir()}/journey-engine-catalog",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
URL = "spark:///spark?master=local[1]"


def start_spark() -> None:
    """Start it with these settings; an engine takes what runs."""
    there = shutil.which("java") or os.environ.get("JAVA_HOME")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        there = None
    if not there:
        if os.environ.get("JOURNEY_NEED_SPARK"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master("local[1]").appName("tests")
    for name, value in QUICK.items():
        builder = builder.config(name, value)
    builder.getOrCreate()


def opened(folder: Path, environment: str = "development") -> Spark:
    """An engine whose state is in a folder."""
    from journey_engine.engines import open_engine
    from journey_engine.engines.spark import Spark

    engine = open_engine(URL, folder, environment=environment)
    assert isinstance(engine, Spark)
    return engine
