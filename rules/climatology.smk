rule climatology:
    """Fit the seasonal cycle of one tile of a source over a baseline."""
    input:
        years=lambda w: year_files(w.source, RUN.baseline_years(w.baseline)),
        surface=lambda w: frozen_files(RUN.baseline_years(w.baseline)),
        domain="results/domain.nc",
    output:
        "results/climatology/{baseline}/{source}/{tile}.nc",
    log:
        "logs/climatology/{baseline}/{source}/{tile}.log",
    benchmark:
        "logs/climatology/{baseline}/{source}/{tile}.tsv"
    threads: 1
    resources:
        mem_mb=growing(500, per_input=0.1),
        runtime=growing(3),
    params:
        settings=settings_of("climatology"),
        code=code_of("climatology"),
    shell:
        "glab climatology --years {input.years:q} --surface {input.surface:q} --domain {input.domain:q}"
        " --tile {wildcards.tile} --output {output:q} --settings {params.settings:q} &> {log:q}"
