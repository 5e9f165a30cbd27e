rule evaluate:
    """Skill of the products against the truth."""
    input:
        products=all_product_files(),
        domain="results/domain.nc",
        truth="data/truth.nc" if RUN.archive == "simulate" else [],
        controls=[path for link in RUN.evaluate.controls for path in link_files(link)],
        observations=observed_files(),
    output:
        skill="results/evaluate/skill.csv",
        cells="results/evaluate/cells.nc",
        steps="results/evaluate/steps.csv",
    log:
        "logs/evaluate/skill.log",
    benchmark:
        "logs/evaluate/skill.tsv"
    threads: 1
    resources:
        mem_mb=growing(500, per_tile=300),
        runtime=growing(30, per_tile=5),
    params:
        given=given("truth", "controls", "observations"),
        settings=settings_of("evaluate"),
        code=code_of("evaluate"),
    shell:
        "glab evaluate --products {input.products} {params.given} --domain {input.domain}"
        " --output {output.skill} --cells {output.cells} --steps {output.steps} --settings {params.settings:q} &> {log}"
