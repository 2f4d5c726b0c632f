using System.Globalization;
using DistSgd.Learning.Data;
using DistSgd.Learning.Formats;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;

namespace DistSgd.Trainer;

/// <summary>One training on any backend: evaluates and saves between epochs, and sums up.</summary>
internal sealed class TrainingRun(TrainingPlan plan, TrainingOptions options, Dataset data, ITrainingBackend backend)
{
    private const double LossFactorMax = 1e6;

    private readonly int _threads = options.Threads ?? Environment.ProcessorCount;
    private double _seconds;
    private double _loss = double.NaN;
    private int _epoch;
    private int _savedEpoch;
    private double _secondsBefore;
    private long _bytesBefore;
    private long _rowsBefore;

    public async Task<TrainingResult> RunAsync(CancellationToken cancellationToken)
    {
        await backend.RunAsync(EpochDoneAsync, cancellationToken);
        TrainedModel model = await ReadModelAsync(cancellationToken);
        BackendFigures figures = await backend.DescribeAsync(cancellationToken);
        EvaluationResult train = model.Evaluate(data, _threads, cancellationToken);
        ThrowIfDiverged(train.Loss);
        EvaluationResult? test = options.Test is null ? null : model.Evaluate(options.Test, _threads, cancellationToken);
        // The last thing that is done: an interrupted training has not written its model, and one that wrote it isn't interrupted.
        if (options.Out is not null)
            model.Save(options.Out);
        long rows = data.RowCount * plan.Job.Epochs;
        return new TrainingResult
        {
            Job = plan.Job,
            Model = model,
            Seconds = _seconds,
            ExamplesPerSecond = rows / Math.Max(1e-9, _seconds),
            Train = train,
            Test = test,
            StalenessP50 = StalenessLedger.Quantile(figures.Staleness, 0.5),
            StalenessP99 = StalenessLedger.Quantile(figures.Staleness, 0.99),
            BytesPushed = figures.BytesPushed,
            BytesPulled = figures.BytesPulled,
            Processes = backend.Processes,
        };
    }

    private async Task EpochDoneAsync(EpochSummary epoch, CancellationToken cancellationToken)
    {
        _seconds = epoch.Seconds;
        double loss = epoch.LossSum / epoch.Rows;
        (_epoch, _loss) = (epoch.Epoch, loss);
        ThrowIfDiverged(loss);
        // Workers of other processes don't wait: an epoch may be seen together with the next.
        bool saves = options.SaveEvery > 0 && epoch.Epoch / options.SaveEvery > _savedEpoch / options.SaveEvery && epoch.Epoch < plan.Job.Epochs;
        TrainedModel? model = saves || (options.Test is not null && options.Progress is not null) ? await ReadModelAsync(cancellationToken) : null;
        if (saves)
        {
            model!.Save(options.Out!);
            _savedEpoch = epoch.Epoch;
            options.Saved?.Invoke(_savedEpoch);
        }
        if (options.Progress is not null)
            await TellAsync(epoch, loss, options.Test is null ? null : model!.Evaluate(options.Test, _threads, cancellationToken), cancellationToken);
    }

    // A loss far beyond that of any constant prediction is a divergence, also where float32 still holds it.
    private void ThrowIfDiverged(double loss)
    {
        double worstConstant = plan.Job.Model.IsRegression && loss > LossFactorMax
            ? Math.Max(1, Math.Pow(Math.Max(Math.Abs(data.Labels.Minimum), Math.Abs(data.Labels.Maximum)), 2))
            : 1;
        if (!(loss <= LossFactorMax * worstConstant))
            throw plan.Diverged($"after {Plural.Of(_epoch, "epoch")} the loss is {loss:G4}");
    }

    private async Task TellAsync(EpochSummary epoch, double loss, EvaluationResult? test, CancellationToken cancellationToken)
    {
        BackendFigures figures = await backend.DescribeAsync(cancellationToken);
        double elapsed = Math.Max(1e-9, epoch.Seconds - _secondsBefore);
        long bytes = figures.BytesPushed + figures.BytesPulled;
        options.Progress!(new TrainingProgress(epoch.Epoch, plan.Job.Epochs, epoch.Seconds, (epoch.RowsSoFar - _rowsBefore) / elapsed, loss, test,
            StalenessLedger.Quantile(figures.Staleness, 0.5), StalenessLedger.Quantile(figures.Staleness, 0.99),
            backend.IsRemote ? (bytes - _bytesBefore) / elapsed / 1e6 : null));
        (_secondsBefore, _bytesBefore, _rowsBefore) = (epoch.Seconds, bytes, epoch.RowsSoFar);
    }

    private async Task<TrainedModel> ReadModelAsync(CancellationToken cancellationToken)
    {
        float[] parameters = await backend.ReadAsync(cancellationToken);
        if (plan.Job.MaxNorm > 0)
            BallProjection.Apply(plan.Job.MaxNorm, parameters.AsSpan(0, parameters.Length - plan.Job.Width), 1);
        plan.Job.Scaling?.ToOriginal(parameters, plan.Job.Width);
        return new TrainedModel(plan.Job.Model, parameters, plan.Labels, data, plan.Job, Describe());
    }

    private Dictionary<string, string> Describe() => new(StringComparer.Ordinal)
    {
        ["rows"] = data.RowCount.ToString(CultureInfo.InvariantCulture),
        ["epochs"] = _epoch.ToString(CultureInfo.InvariantCulture),
        ["batch"] = plan.Job.Batch.ToString(CultureInfo.InvariantCulture),
        ["learning_rate"] = plan.Job.Rule.Schedule.InitialRate.ToString("R", CultureInfo.InvariantCulture),
        ["schedule"] = plan.Job.Rule.Schedule.Kind.ToString().ToLowerInvariant(),
        ["seed"] = plan.Job.Seed.ToString(CultureInfo.InvariantCulture),
        ["workers"] = plan.Job.Partitions.ToString(CultureInfo.InvariantCulture),
        ["columns_scaled"] = plan.Job.Scaling is null ? "no" : "yes",
        ["train_loss"] = _loss.ToString("R", CultureInfo.InvariantCulture),
    };
}
