rule domain:
    """Choose and order the land cells of the target grid, with tiles, blocks and static layers."""
    input:
        static="data/static.nc" if RUN.archive == "simulate" else [],
        maps=lambda w: map_files(),
    output:
        "results/domain.nc",
    log:
        "logs/domain.log",
    benchmark:
        "logs/domain.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500, per_tile=100),
        runtime=growing(20),
    params:
        static=given("static"),
        settings=settings_of("domain"),
        code=code_of("domain"),
    shell:
        "glab domain {params.static} --output {output:q} --settings {params.settings:q} &> {log:q}"
