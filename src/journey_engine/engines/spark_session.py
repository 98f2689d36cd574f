"""One Spark in this process: started once, and a session of its own for each engine, with the settings it relies on."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Any

from pyspark import cloudpickle
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from journey_engine.engines import spark_functions
from journey_engine.errors import JourneyError

# What the night's SQL means depends on these.
MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.variable.substitute": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    # Spark 4.3 ends with "key not found" where it infers constraints of a union of rows that it keeps.
    "spark.sql.constraintPropagation.enabled": "false",
}
# And these are for a machine that does nothing else meanwhile; settings of a cluster's own come before them.
LOCALLY = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}
QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.warehouse.dir": f"file://{tempfile.gettempdir()}/journey-engine-catalog",  # of Spark's own catalog
}


def new_session(master: str) -> SparkSession:
    """A session of its own in this process's Spark. Raises JourneyError when Spark cannot start."""
    if SparkSession.getActiveSession() is None and "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        raise JourneyError(
            "the engine is on Spark, and there is no Java to run it",
            remedy="install Java 17 or newer, or set JAVA_HOME",
            code="missing-extra",
        )
    local = master.startswith("local")
    if local:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("journey-engine").master(master)
    for name, value in (QUIET | (LOCALLY if local else {})).items():
        builder = builder.config(name, value)
    try:
        session = (SparkSession.getActiveSession() or builder.getOrCreate()).newSession()
    except (PySparkException, OSError) as error:
        raise JourneyError(
            f"Spark cannot start at {master}: {str(error).splitlines()[0]}",
            remedy="see to the cluster, or mend `engine:` in journeys/project.yaml",
            code="engine-unavailable",
        ) from error
    for name, value in MEANING.items():
        session.conf.set(name, value)
    _register(session)
    return session


def _register(session: Any) -> None:
    """The functions travel to the workers by their code: these need not have this package."""
    cloudpickle.register_pickle_by_value(spark_functions)
    for name, (function, kind) in spark_functions.FUNCTIONS.items():
        session.udf.register(name, function, kind)
