"""The public names: what `import undertow as ut` gives, loaded when first used."""

from . import (
    analysis as analysis,
)
from . import (
    baselines as baselines,
)
from . import (
    data as data,
)
from . import (
    datasets as datasets,
)
from . import (
    dynamics as dynamics,
)
from . import (
    evaluation as evaluation,
)
from . import (
    experiments as experiments,
)
from . import (
    inference as inference,
)
from . import (
    live as live,
)
from . import (
    models as models,
)
from . import (
    nlb as nlb,
)
from . import (
    plots as plots,
)
from . import (
    report as report,
)
from . import (
    systems as systems,
)
from . import (
    training as training,
)
from .baselines import (
    GPFA as GPFA,
)
from .baselines import (
    LDS as LDS,
)
from .baselines import (
    MINT as MINT,
)
from .baselines import (
    PCA as PCA,
)
from .baselines import (
    SLDS as SLDS,
)
from .baselines import (
    ConditionAverage as ConditionAverage,
)
from .baselines import (
    FactorAnalysis as FactorAnalysis,
)
from .baselines import (
    GainedAverage as GainedAverage,
)
from .baselines import (
    LatentEM as LatentEM,
)
from .baselines import (
    MeanRate as MeanRate,
)
from .baselines import (
    Smoothing as Smoothing,
)
from .baselines import (
    SpikeRidge as SpikeRidge,
)
from .baselines import (
    SwitchingEM as SwitchingEM,
)
from .data import (
    Prediction as Prediction,
)
from .data import (
    Recording as Recording,
)
from .data import (
    Sessions as Sessions,
)
from .data import (
    TrialSet as TrialSet,
)
from .data import (
    as_trials as as_trials,
)
from .data import (
    describe as describe,
)
from .data import (
    fold_trials as fold_trials,
)
from .data import (
    load as load,
)
from .data import (
    split_trials as split_trials,
)
from .data import (
    split_validation as split_validation,
)
from .evaluation import (
    scorer as scorer,
)
from .experiments import (
    Search as Search,
)
from .experiments import (
    Workers as Workers,
)
from .experiments import (
    ablate as ablate,
)
from .experiments import (
    compare as compare,
)
from .experiments import (
    compare_recordings as compare_recordings,
)
from .experiments import (
    cross_validate as cross_validate,
)
from .experiments import (
    latent_curve as latent_curve,
)
from .experiments import (
    random_search as random_search,
)
from .experiments import (
    run as run,
)
from .experiments import (
    tune as tune,
)
from .inference import (
    KLSchedule as KLSchedule,
)
from .models import (
    LFADS as LFADS,
)
from .models import (
    NDT as NDT,
)
from .models import (
    STNDT as STNDT,
)
from .models import (
    Choices as Choices,
)
from .models import (
    Contrast as Contrast,
)
from .models import (
    Counts as Counts,
)
from .models import (
    Ensemble as Ensemble,
)
from .models import (
    Estimator as Estimator,
)
from .models import (
    GRUController as GRUController,
)
from .models import (
    GRUEncoding as GRUEncoding,
)
from .models import (
    GRUGenerator as GRUGenerator,
)
from .models import (
    InitialCondition as InitialCondition,
)
from .models import (
    JointModel as JointModel,
)
from .models import (
    Langevin as Langevin,
)
from .models import (
    LangevinFlow as LangevinFlow,
)
from .models import (
    LangevinPosterior as LangevinPosterior,
)
from .models import (
    LatentSDE as LatentSDE,
)
from .models import (
    LinearDecoding as LinearDecoding,
)
from .models import (
    LinearEncoding as LinearEncoding,
)
from .models import (
    LSTMEncoding as LSTMEncoding,
)
from .models import (
    Masking as Masking,
)
from .models import (
    MLPDecoding as MLPDecoding,
)
from .models import (
    PathPosterior as PathPosterior,
)
from .models import (
    Range as Range,
)
from .models import (
    RegionalDecoding as RegionalDecoding,
)
from .models import (
    Signals as Signals,
)
from .models import (
    Solver as Solver,
)
from .models import (
    TrainedModel as TrainedModel,
)
from .models import (
    TransformerDecoding as TransformerDecoding,
)
from .models import (
    TransformerEncoding as TransformerEncoding,
)
from .models import (
    Variant as Variant,
)
from .models import (
    fit_many as fit_many,
)
from .models import (
    load_model as load_model,
)
from .systems import (
    simulate_lorenz as simulate_lorenz,
)
from .systems import (
    simulate_maze_like as simulate_maze_like,
)
from .systems import (
    simulate_oscillators as simulate_oscillators,
)
from .systems import (
    simulate_rate_network as simulate_rate_network,
)
from .training import (
    Training as Training,
)

__version__: str
