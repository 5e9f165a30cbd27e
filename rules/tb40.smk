rule tb40:
    """Compute one year of 40° TB from multi-angular SMOS TB."""
    input:
        smos=lambda w: year_file(RUN.tb40.source, w.year),
        surface=lambda w: overpass_files(w.year),
        domain="results/domain.nc",
    output:
        "results/tb40/{year}.nc",
    log:
        "logs/tb40/{year}.log",
    benchmark:
        "logs/tb40/{year}.tsv"
    threads: 4
    resources:
        mem_mb=growing(800, per_tile=200),
        runtime=growing(20, per_tile=10),
    params:
        settings=settings_of("tb40"),
        code=code_of("tb40"),
    shell:
        "glab tb40 --smos {input.smos:q} --surface {input.surface:q} --domain {input.domain:q}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"
