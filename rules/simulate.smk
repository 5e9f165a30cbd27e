rule simulate_truth:
    """The simulated Earth, day by day: what the instruments see and the products should show."""
    output:
        truth="data/truth.nc",
        static="data/static.nc",
    log:
        "logs/simulate/truth.log",
    benchmark:
        "logs/simulate/truth.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(20),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate"),
    shell:
        "glab simulate --output {output.truth} --settings {params.settings:q} &> {log}"


rule simulate:
    """One year of a source of the simulated Earth, in its native format, and its manifest."""
    input:
        truth="data/truth.nc",
    output:
        "data/{source}/{year}/manifest.json",
    log:
        "logs/simulate/{source}/{year}.log",
    benchmark:
        "logs/simulate/{source}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate"),
    shell:
        "glab simulate --truth {input.truth} --source {wildcards.source} --year {wildcards.year}"
        " --output {output} --settings {params.settings:q} &> {log}"


rule simulate_stations:
    """Soil-moisture stations of the simulated Earth, as ISMN delivers them, and their manifest."""
    input:
        truth="data/truth.nc",
    output:
        STATIONS,
    log:
        "logs/simulate/stations.log",
    benchmark:
        "logs/simulate/stations.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate"),
    shell:
        "glab simulate --truth {input.truth} --source ismn"
        " --output {output} --settings {params.settings:q} &> {log}"
