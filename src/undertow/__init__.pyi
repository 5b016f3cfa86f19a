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
    Smoothing as Smoothing,
)
from .data import (
    Prediction as Prediction,
)
from .data import (
    Recording as Recording,
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
    ablate as ablate,
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
    Choices as Choices,
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
    GRUEncoding as GRUEncoding,
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
    Variant as Variant,
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
