rule acquire:
    """Check one year of an archive that a user filled, and write its manifest."""
    output:
        "data/{source}/{year}/manifest.json",
    log:
        "logs/acquire/{source}/{year}.log",
    benchmark:
        "logs/acquire/{source}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(60),
    params:
        settings=settings_of("acquire"),
        code=code_of("acquire"),
    shell:
        "glab acquire --source {wildcards.source} --year {wildcards.year}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"


rule acquire_stations:
    """Check an archive of stations that a user filled, and write its manifest."""
    output:
        "{archive}/manifest.json",
    log:
        "logs/acquire/{archive}.log",
    benchmark:
        "logs/acquire/{archive}.tsv"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(60),
    params:
        settings=settings_of("acquire", source="ismn"),
        code=code_of("acquire", source="ismn"),
    shell:
        "glab acquire --source ismn --output {output:q} --settings {params.settings:q} &> {log:q}"
