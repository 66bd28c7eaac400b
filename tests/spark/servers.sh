# Servers of Spark Connect for tests, as bash functions: Apache Spark on a standalone cluster of two workers, Apache Spark
# in one process, Sail. To be sourced; `servers_stop` ends all of them and belongs in a trap.
#
# servers_folder is where logs, processes' folders and ports are kept; servers_cache where virtual environments are.

servers_pids=()

# The virtual environment of a list of requirements.
servers_environment() {
    local list=$1 wanted
    wanted=$(sha256sum "tests/spark/requirements-$list.txt" | cut -c 1-16)
    local venv="$servers_cache/spark-$list-$wanted"
    if [[ ! -e "$venv/ready" ]]; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "tests/spark/requirements-$list.txt"
        touch "$venv/ready"
    fi
    printf '%s\n' "$venv"
}

# What the virtual environments do not bring: Java for Spark, protoc for the client's build.
servers_system() {
    local wanted=()
    command -v java >/dev/null || wanted+=(openjdk-17-jre-headless)
    command -v protoc >/dev/null && [[ -e /usr/include/google/protobuf/any.proto ]] || wanted+=(protobuf-compiler libprotobuf-dev)
    if ((${#wanted[@]} > 0)); then
        apt-get update
        apt-get install -y --no-install-recommends "${wanted[@]}"
    fi
}

# Apache Spark's home of a virtual environment, for all that follows.
servers_spark_home() {
    export SPARK_HOME SPARK_LOCAL_IP=127.0.0.1
    # Where it is without importing it, which takes a second.
    SPARK_HOME=$(echo "$1"/lib/python3.*/site-packages/pyspark)
    unset SPARK_CONNECT_AUTHENTICATE_TOKEN SPARK_MASTER SPARK_REMOTE SPARK_CONF_DIR
}

servers_free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a program in the background: its name for the log, then the command. Its process is in servers_pid.
servers_start() {
    local name=$1
    shift
    nice -n 5 "$@" >"$servers_folder/$name.log" 2>&1 </dev/null &
    servers_pid=$!
    servers_pids+=("$servers_pid")
}

# Waits until somebody listens at a port, or says what the log of the program says.
servers_wait() {
    local name=$1 port=$2 pid=$3
    for _ in $(seq 1200); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    printf '%s does not listen at port %s:\n' "$name" "$port" >&2
    tail -n 50 "$servers_folder/$name.log" >&2
    return 1
}

# A master and two workers of one core each: the cluster's address is in servers_master, the workers' processes, whose
# children the executors are, in servers_workers.
servers_start_cluster() {
    local port
    port=$(servers_free_port)
    # Not exported: Spark takes these for the memory of a server of Spark Connect as well.
    local -a daemon=(env SPARK_DAEMON_MEMORY=256m "SPARK_DAEMON_JAVA_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    servers_start master "${daemon[@]}" \
        "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$port" --webui-port 0
    servers_wait master "$port" "$servers_pid"
    servers_master="spark://127.0.0.1:$port"
    servers_workers=()
    for worker in 1 2; do
        servers_start "worker-$worker" "${daemon[@]}" "SPARK_WORKER_DIR=$servers_folder/work" \
            "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker "$servers_master" \
            --host 127.0.0.1 --cores 1 --memory 1g --webui-port 0
        servers_workers+=("$servers_pid")
    done
}

# Apache Spark's server of Spark Connect on a cluster (an address, or `local[1]`), with further options of spark-submit:
# its port is in servers_port, its process in servers_pid.
servers_start_spark() {
    local name=$1 master=$2
    shift 2
    servers_port=$(servers_free_port)
    servers_start "$name" "$SPARK_HOME/bin/spark-submit" --class org.apache.spark.sql.connect.service.SparkConnectServer \
        --master "$master" --driver-memory 1g --conf spark.executor.memory=768m \
        --driver-java-options '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' \
        --conf spark.executor.extraJavaOptions='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC' \
        --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 --conf spark.sql.shuffle.partitions=4 \
        --conf "spark.local.dir=$servers_folder/local" --conf "spark.sql.warehouse.dir=$servers_folder/warehouse-$name" \
        --conf "spark.connect.grpc.binding.port=$servers_port" "$@"
}

# Sail, its port in servers_port and its process in servers_pid.
servers_start_sail() {
    local venv=$1
    servers_port=$(servers_free_port)
    # A query over so many files needs as many slots.
    SAIL_CLUSTER__WORKER_TASK_SLOTS=64 SAIL_MODE=local-cluster SAIL_CLUSTER__WORKER_INITIAL_COUNT=2 SAIL_CLUSTER__WORKER_MAX_COUNT=2 \
        servers_start sail "$venv/bin/sail" spark server --ip 127.0.0.1 --port "$servers_port"
}

# Ends what was started, the executors with their workers.
servers_stop() {
    local pid children=() left
    for pid in "${servers_pids[@]}"; do
        mapfile -t -O "${#children[@]}" children < <(ps -o pid= --ppid "$pid" 2>/dev/null | tr -d ' ')
    done
    for pid in "${servers_pids[@]}" "${children[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for _ in $(seq 50); do
        left=
        for pid in "${servers_pids[@]}" "${children[@]}"; do
            if kill -0 "$pid" 2>/dev/null; then left=yes; fi
        done
        [[ -z "$left" ]] && break
        sleep 0.1
    done
    for pid in "${servers_pids[@]}" "${children[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    servers_pids=()
}
