rule calibrate:
    """Fit offsets and data variance of the ensemble of a link."""
    input:
        samples="results/samples/{link}.nc",
        networks=lambda w: network_files(w.link),
        domain="results/domain.nc",
    output:
        "results/calibrate/{link}.nc",
    log:
        "logs/calibrate/{link}.log",
    benchmark:
        "logs/calibrate/{link}.tsv"
    threads: 4
    resources:
        mem_mb=growing(1500, per_input=4),
        runtime=growing(30, per_tile=2),
    params:
        settings=settings_of("calibrate"),
        code=code_of("calibrate"),
    shell:
        "glab calibrate --samples {input.samples:q} --networks {input.networks:q}"
        " --domain {input.domain:q} --output {output:q} --settings {params.settings:q} &> {log:q}"
