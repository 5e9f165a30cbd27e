rule predict:
    """Mean and spread of a link's ensemble for one year."""
    input:
        networks=lambda w: network_files(w.link),
        calibrate="results/calibrate/{link}.nc",
        residuals=lambda w: residual_files(plan.prediction_residuals(RUN, w.link, int(w.year))),
        climatology=lambda w: cycle_files(plan.prediction_cycles(RUN, w.link, int(w.year))),
        domain="results/domain.nc",
    output:
        "results/predict/{link}/{year}.nc",
    log:
        "logs/predict/{link}/{year}.log",
    benchmark:
        "logs/predict/{link}/{year}.tsv"
    threads: 4
    resources:
        gpu=1,
        mem_mb=growing(1000, per_tile=200),
        runtime=growing(10, per_tile=1),
    params:
        settings=settings_of("predict"),
        code=code_of("predict"),
    shell:
        "glab predict --networks {input.networks} --calibrate {input.calibrate}"
        " --residuals {input.residuals} --climatology {input.climatology} --domain {input.domain}"
        " --year {wildcards.year} --output {output} --settings {params.settings:q} &> {log}"
