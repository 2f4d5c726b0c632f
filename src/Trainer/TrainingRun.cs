using System.Globalization;
using DistSgd.Learning.Data;
using DistSgd.Learning.Diagnostics;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Mlp;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Trainer.Stopping;

namespace DistSgd.Trainer;

/// <summary>One training on any backend: evaluates and saves between epochs, and sums up.</summary>
internal sealed class TrainingRun(TrainingPlan plan, TrainingOptions options, Dataset data, ITrainingBackend backend)
{
    private const double LossFactorMax = 1e6;

    private readonly int _threads = options.Threads ?? Environment.ProcessorCount;
    private readonly StoppingRules _rules = new(options.Tolerance, options.GradientTolerance, options.Patience);
    private ObjectiveGradient? _gradient;
    private EndReason? _ended;

    // The model as it was when a rule ended the training, or at its best; null: the last is the one.
    private TrainedModel? _kept;

    // The parameters of the best model, in the units of training, where a checkpoint keeps them; else empty.
    private float[] _best = [];
    private long _rows;
    private long _steps = plan.Job.StepsBefore;
    private double _seconds;
    private double _loss = double.NaN;
    private int _epoch = plan.Job.EpochsBefore;
    private int _epochOfModel;
    private int _savedEpoch = plan.Job.EpochsBefore;
    private double _secondsBefore;
    private long _bytesBefore;
    private long _rowsBefore;

    public async Task<TrainingResult> RunAsync(CancellationToken cancellationToken)
    {
        if (plan.Before is { } before)
            GoOn(before);
        using (_gradient = options.GradientTolerance is null ? null : new ObjectiveGradient(data, plan.Job.Model, plan.Labels, plan.Job.Scaling, plan.Job.Rule.L1, plan.Job.Rule.L2, plan.Job.Weighting, plan.Job.Features))
            await backend.RunAsync(EpochDoneAsync, cancellationToken);
        (float[] parameters, Checkpoint? state) = await ReadAsync(withState: options.Checkpoint is not null, cancellationToken);
        TrainedModel model = _kept ?? ToModel(parameters);
        EndReason ended = _ended ?? Bound();
        BackendFigures figures = await backend.DescribeAsync(cancellationToken);
        EvaluationResult train = model.Evaluate(data, _threads, cancellationToken);
        ThrowIfDiverged(train.Loss);
        model = model.Measured(train);
        EvaluationResult? test = options.Test is null ? null : model.Evaluate(options.Test, _threads, cancellationToken);
        // The last thing that is done: an interrupted training has not written its model, and one that wrote it isn't interrupted.
        if (options.Out is not null)
            model.Save(options.Out);
        Save(state);
        return new TrainingResult
        {
            Job = plan.Job,
            LearningRate = plan.Rate,
            Model = model,
            Seconds = _seconds,
            ExamplesPerSecond = _rows / Math.Max(1e-9, _seconds),
            EndedBy = ended,
            EndedBecause = _rules.Explain(ended, options.StepsMax, options.SecondsMax),
            Epoch = _epochOfModel,
            Train = train,
            Test = test,
            StalenessP50 = StalenessLedger.Quantile(figures.Staleness, 0.5),
            StalenessP99 = StalenessLedger.Quantile(figures.Staleness, 0.99),
            BytesPushed = figures.BytesPushed,
            BytesPulled = figures.BytesPulled,
            Processes = backend.Processes,
        };
    }

    private async Task<bool> EpochDoneAsync(EpochSummary epoch, CancellationToken cancellationToken)
    {
        (_seconds, _rows, _steps) = (epoch.Seconds, epoch.RowsSoFar, epoch.Steps);
        double loss = epoch.LossSum / epoch.Rows;
        (_epoch, _loss) = (epoch.Epoch, loss);
        ThrowIfDiverged(loss);
        // Workers of other processes don't wait: an epoch may be seen together with the next.
        int saveEvery = options is { SaveEvery: 0, Checkpoint: not null } ? 1 : options.SaveEvery;
        bool saves = saveEvery > 0 && epoch.Epoch / saveEvery > _savedEpoch / saveEvery && epoch.Epoch < plan.Job.Epochs;
        bool evaluates = options.Test is not null && (options.Progress is not null || options.Patience is not null);
        (float[]? parameters, Checkpoint? state) = saves || evaluates || _gradient is not null ? await ReadAsync(saves && options.Checkpoint is not null, cancellationToken) : (null, null);
        double? norm = _gradient?.Norm(parameters);
        float[] own = parameters is not null && options is { Patience: not null, Checkpoint: not null } ? [.. parameters] : [];
        TrainedModel? model = parameters is null ? null : ToModel(parameters);
        if (saves)
        {
            _savedEpoch = epoch.Epoch;
            if (options is { SaveEvery: > 0, Out: not null })
            {
                model!.Save(options.Out);
                options.Saved?.Invoke(_savedEpoch);
            }
        }
        EvaluationResult? test = evaluates ? model!.Evaluate(options.Test!, _threads, cancellationToken) : null;
        if (options.Progress is not null)
            await TellAsync(epoch, loss, test, cancellationToken);
        _ended = _rules.Observe(new EpochOutcome(epoch.Epoch, loss, test?.Loss, norm));
        if (options.Patience is null || _rules.IsBest)
            (_kept, _epochOfModel, _best) = (_ended is null && options.Patience is null ? null : model, _epoch, own);
        if (saves)
            Save(state);
        return _ended is null;
    }

    private void GoOn(Checkpoint before)
    {
        _rules.State = before.Stopping;
        if (options.Patience is null || before.Best.Length == 0)
            return;
        (_best, _epochOfModel, _epoch) = (before.Best, before.Stopping.BestEpoch, before.Stopping.BestEpoch);
        _kept = ToModel([.. _best]);
        _epoch = before.Epochs;
    }

    private void Save(Checkpoint? state) => (state is null ? null : state with { Stopping = _rules.State, Best = _best })?.Save(options.Checkpoint!, plan.Job, data, plan.Labels);

    private async Task<(float[] Parameters, Checkpoint? State)> ReadAsync(bool withState, CancellationToken cancellationToken)
    {
        if (!withState)
            return (await backend.ReadAsync(cancellationToken), null);
        var state = new Checkpoint(EpochToGoOnFrom(), _steps, await backend.ReadStatesAsync(cancellationToken));
        return (state.Parameters(plan.Job), state);
    }

    // Workers of other processes may be in any later epoch by now, also in that of another full gradient: it is computed anew.
    private int EpochToGoOnFrom() =>
        plan.Job.SnapshotEvery > 0 && backend.IsRemote && _epoch < plan.Job.Epochs ? _epoch - _epoch % (plan.Job.SnapshotEvery + 1) : _epoch;

    // Which bound a training that no rule ended has come to.
    private EndReason Bound()
    {
        bool isWhole = _rows >= data.RowCount * (plan.Job.Epochs - plan.Job.EpochsBefore);
        if (options.SecondsMax is { } seconds && !isWhole && (options.StepsMax is null || _seconds >= seconds))
            return EndReason.Seconds;
        return options.StepsMax is { } steps && (!isWhole || steps <= plan.Job.Rule.Schedule.TotalSteps) ? EndReason.Steps : EndReason.Epochs;
    }

    // A loss far beyond that of any constant prediction is a divergence, also where float32 still holds it.
    private void ThrowIfDiverged(double loss)
    {
        double worstConstant = plan.Job.Model.IsRegression && loss > LossFactorMax
            ? Math.Max(1, Math.Pow(Math.Max(Math.Abs(data.Labels.Minimum), Math.Abs(data.Labels.Maximum)), 2))
            : 1;
        if (!(loss <= LossFactorMax * worstConstant))
            throw plan.Diverged($"after {Plural.Of(_epoch, "epoch")} ({Plural.Of(_steps, "step")}) the loss is {loss:G4}");
    }

    private async Task TellAsync(EpochSummary epoch, double loss, EvaluationResult? test, CancellationToken cancellationToken)
    {
        BackendFigures figures = await backend.DescribeAsync(cancellationToken);
        double elapsed = Math.Max(1e-9, epoch.Seconds - _secondsBefore);
        long bytes = figures.BytesPushed + figures.BytesPulled;
        options.Progress!(new TrainingProgress(epoch.Epoch, plan.Job.Epochs, epoch.Seconds, (epoch.RowsSoFar - _rowsBefore) / elapsed, loss, test,
            StalenessLedger.Quantile(figures.Staleness, 0.5), StalenessLedger.Quantile(figures.Staleness, 0.99),
            backend.IsRemote ? (bytes - _bytesBefore) / elapsed / 1e6 : null)
        { Steps = epoch.Steps, Bytes = bytes });
        (_secondsBefore, _bytesBefore, _rowsBefore) = (epoch.Seconds, bytes, epoch.RowsSoFar);
    }

    private TrainedModel ToModel(float[] parameters)
    {
        if (plan.Job.MaxNorm > 0)
            BallProjection.Apply(plan.Job.MaxNorm, parameters.AsSpan(0, parameters.Length - plan.Job.Width), 1);
        if (plan.Job.Model.Network is not null)
            MlpUnits.ToOriginal(plan.Job.Model.Shape, parameters, plan.Job.Scaling, plan.Job.Targets);
        else
            plan.Job.Scaling?.ToOriginal(parameters, plan.Job.Width);
        return new TrainedModel(plan.Job.Model, parameters, plan.Labels, data, plan.Job, Describe());
    }

    private Dictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["rows"] = data.RowCount.ToString(CultureInfo.InvariantCulture),
        ["epochs"] = _epoch.ToString(CultureInfo.InvariantCulture),
        ["batch"] = plan.Job.Batch.ToString(CultureInfo.InvariantCulture),
        ["learning_rate"] = plan.Rate.ToString("R", CultureInfo.InvariantCulture),
        ["schedule"] = plan.Job.Rule.Schedule.Kind.ToString().ToLowerInvariant(),
        ["seed"] = plan.Job.Seed.ToString(CultureInfo.InvariantCulture),
        ["workers"] = plan.Job.Partitions.ToString(CultureInfo.InvariantCulture),
        ["columns_scaled"] = plan.Job.Scaling is null ? "no" : "yes",
        ["train_loss"] = _loss.ToString("R", CultureInfo.InvariantCulture),
    };
}
