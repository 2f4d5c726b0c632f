using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using static System.MathF;

namespace DistSgd.Learning.Oracle;

/// <summary>What the oracle trains: a job with one partition and one worker.</summary>
public sealed record OracleJob
{
    /// <summary>Model and loss.</summary>
    public required ModelSpec Model { get; init; }

    /// <summary>Update rule.</summary>
    public required UpdateRule Rule { get; init; }

    /// <summary>Features; the bias is the key after them.</summary>
    public required int Features { get; init; }

    /// <summary>Passes over the data.</summary>
    public required int Epochs { get; init; }

    /// <summary>Rows in a mini-batch.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Mini-batches between two pushes; 0: gradients are pushed.</summary>
    public int LocalSteps { get; init; } = 1;

    /// <summary>True: keys are regularised when they are next read; false: all at each push.</summary>
    public bool Sparse { get; init; }

    /// <summary>Values of the biases before the first step; empty: all 0.</summary>
    public IReadOnlyList<float> InitialBias { get; init; } = [];

    /// <summary>What each row counts; empty: 1 each.</summary>
    public IReadOnlyList<float> Weights { get; init; } = [];

    /// <summary>What is taken off each column before it is scaled; empty: columns stay as they are.</summary>
    public IReadOnlyList<float> Means { get; init; } = [];

    /// <summary>What each column is multiplied with; as many as means.</summary>
    public IReadOnlyList<float> InverseScales { get; init; } = [];

    /// <summary>The part of the rate at which a lone bias moves in local steps of SGD.</summary>
    public float BiasShare { get; init; } = 1;

    /// <summary>Consecutive rows that are dealt together, as rows that are streamed are; 1: each by itself.</summary>
    public int RowsPerRun { get; init; } = 1;

    /// <summary>Seed.</summary>
    public ulong Seed { get; init; }

    /// <summary>The labels' mapping to targets.</summary>
    public required LabelMap Labels { get; init; }
}

/// <summary>
/// The oracle: one worker, one server, one thread, no prefetch, in plain scalar code that shares nothing with the kernels, the server or
/// the worker but the order of rows and the schedule. What the system computes with one worker must equal this bit for bit.
/// </summary>
/// <param name="job">What to train.</param>
/// <param name="data">The whole data set is the one partition.</param>
public sealed class SequentialTrainer(OracleJob job, Dataset data)
{
    private readonly float[] _weight = new float[(job.Features + 1) * job.Model.Outputs];
    private readonly float[][] _state = [.. Enumerable.Range(0, (job.Features + 1) * job.Model.Outputs).Select(_ => new float[OracleRule.Slots])];
    private readonly float[] _age = new float[(job.Features + 1) * job.Model.Outputs];
    private readonly long[] _lastStep = new long[(job.Features + 1) * job.Model.Outputs];
    private readonly OracleRows _rows = new(job, data);
    private readonly OracleRule _rule = new(job.Rule, countsPerKey: job.Sparse);
    private double _now;
    private long _steps;
    private long _gradients;

    private bool AdaGrad => job.Rule.Optimizer == OptimizerKind.AdaGrad;

    private float Delta => job.Rule[RuleConstant.Delta];

    // A feature has one parameter an output, side by side; the biases come last. Below, "key" is the place of one parameter.
    private int Outputs => job.Model.Outputs;

    private int Bias => job.Features * Outputs;

    /// <summary>Trains all epochs.</summary>
    /// <returns>The values of all keys, the bias last, as a reader sees them; of the columns as they were before scaling.</returns>
    public float[] Train()
    {
        int rowsPerBlock = job.Batch * Math.Max(1, job.LocalSteps);
        var runs = new int[data.RowCount / job.RowsPerRun];
        RowOrder.Deal(job.Seed, 0, runs);
        // The rows behind the last whole run keep their places.
        IEnumerable<int> dealt = runs.SelectMany(run => Enumerable.Range(run * job.RowsPerRun, job.RowsPerRun)).Concat(Enumerable.Range(runs.Length * job.RowsPerRun, (int)data.RowCount - runs.Length * job.RowsPerRun));
        int[][] blocks = [.. dealt.Chunk(rowsPerBlock)];
        var order = new int[blocks.Length];
        for (int output = 0; output < job.InitialBias.Count; output++)
        {
            _weight[Bias + output] = job.InitialBias[output];
            _rule.Start(job.InitialBias[output], _state[Bias + output]);
        }
        for (int epoch = 0; epoch < job.Epochs; epoch++)
        {
            RowOrder.Blocks(job.Seed, 0, epoch, order);
            foreach (int block in order)
            {
                var rows = new int[blocks[block].Length];
                RowOrder.Rows(job.Seed, 0, epoch, block, rows);
                TrainBlock([.. rows.Select(row => blocks[block][row])]);
            }
        }
        return _rows.ToOriginal([.. _weight.Select((_, key) => Read(key, [.. _state[key]]))]);
    }

    private void TrainBlock(int[] rows)
    {
        float rate = job.Rule.Schedule.Rate(_steps);
        int[] features = job.Sparse ? [.. rows.SelectMany(row => _rows.Row(row).Indices).Select(feature => (int)feature).Append(job.Features).Distinct()] : [.. Enumerable.Range(0, job.Features + 1)];
        int[] keys = [.. features.SelectMany(feature => Enumerable.Range(feature * Outputs, Outputs))];
        var weight = new Dictionary<int, float>();
        var squares = new Dictionary<int, float>();
        foreach (int key in keys)
            (weight[key], squares[key]) = (Read(key, [.. _state[key]]), _state[key][0]);
        if (job.LocalSteps == 0)
        {
            Dictionary<int, float> gradient = Gradient(rows, weight);
            foreach (int key in keys)
            {
                Touch(key);
                _weight[key] = _rule.Step(rate, _gradients + 1, key < Bias, gradient.GetValueOrDefault(key), _weight[key], _state[key]);
                _lastStep[key] = _gradients + 1;
            }
            _gradients++;
            Age(rate);
            _steps++;
            return;
        }
        var newWeight = new Dictionary<int, float>(weight);
        var newSquares = new Dictionary<int, float>(squares);
        int[][] batches = [.. rows.Chunk(job.Batch)];
        foreach (int[] batch in batches)
            StepLocally(batch, rate, newWeight, newSquares);
        foreach (int key in keys)
        {
            Touch(key);
            _weight[key] += newWeight[key] - weight[key];
            _state[key][0] += newSquares[key] - squares[key];
        }
        Age((double)rate * batches.Length);
        _steps += batches.Length;
    }

    // The mini-batch's derivatives are all taken before any of its rows steps.
    private void StepLocally(int[] batch, float rate, Dictionary<int, float> weight, Dictionary<int, float> squares)
    {
        if (AdaGrad)
        {
            foreach ((int key, float g) in Gradient(batch, weight))
            {
                if (g != 0 || Outputs == 1)
                    (weight[key], squares[key]) = StepAdaGrad(rate, weight[key], squares[key], g);
            }
            return;
        }
        float share = rate / batch.Length;
        float[][] derivatives = [.. batch.Select(row => Derivatives(row, weight))];
        for (int i = 0; i < batch.Length; i++)
        {
            if (derivatives[i].All(g => g == 0))
                continue;
            (uint[] indices, float[] values) = _rows.Row(batch[i]);
            for (int output = 0; output < Outputs; output++)
            {
                float a = -share * derivatives[i][output];
                for (int k = 0; k < indices.Length; k++)
                {
                    int key = (int)indices[k] * Outputs + output;
                    weight[key] = FusedMultiplyAdd(a, values[k], weight[key]);
                }
                weight[Bias + output] += Outputs == 1 ? -(job.BiasShare * rate / batch.Length) * derivatives[i][output] : a;
            }
        }
    }

    // The mean gradient, summed row by row.
    private Dictionary<int, float> Gradient(int[] batch, Dictionary<int, float> weight)
    {
        var gradient = new Dictionary<int, float>();
        foreach (int number in batch)
        {
            float[] derivatives = Derivatives(number, weight);
            if (derivatives.All(g => g == 0))
                continue;
            (uint[] indices, float[] values) = _rows.Row(number);
            for (int output = 0; output < Outputs; output++)
            {
                float share = derivatives[output] / batch.Length;
                for (int k = 0; k < indices.Length; k++)
                {
                    int key = (int)indices[k] * Outputs + output;
                    gradient[key] = FusedMultiplyAdd(share, values[k], gradient.GetValueOrDefault(key));
                }
                gradient[Bias + output] = gradient.GetValueOrDefault(Bias + output) + share;
            }
        }
        return gradient;
    }

    private float[] Derivatives(int number, Dictionary<int, float> weight)
    {
        (uint[] indices, float[] values) = _rows.Row(number);
        var scores = new float[Outputs];
        for (int output = 0; output < Outputs; output++)
            scores[output] = OracleMath.Dot(indices, values, feature => weight[(int)feature * Outputs + output]) + weight[Bias + output];
        float y = job.Labels.ToLearning(data.Row(number).Label, number);
        float[] slopes = job.Model.IsMulticlass ? OracleClasses.Slopes(job.Model, scores, (int)y) : [Slope(scores[0], y)];
        return job.Weights.Count == 0 ? slopes : [.. slopes.Select(slope => job.Weights[number] * slope)];
    }

    // The derivative of each loss in the score, as its definition says.
    private float Slope(float f, float y)
    {
        float z = y * f;
        switch (job.Model.Loss)
        {
            case LossKind.Squared:
                return f - y;
            case LossKind.Huber:
                return f - y > job.Model.HuberDelta ? job.Model.HuberDelta : f - y < -job.Model.HuberDelta ? -job.Model.HuberDelta : f - y;
            case LossKind.Logistic:
                return -y * OracleMath.Sigmoid(-y * f);
            case LossKind.Hinge:
                return z < 1f ? -y : 0f;
            case LossKind.SquaredHinge:
                return z < 1f ? -2f * y * (1f - z) : 0f;
            case LossKind.ModifiedHuber:
                return z >= 1f ? 0f : z > 0f ? -2f * y * (1f - z) : -2f * y;
            case LossKind.ModifiedHuberZhang:
                return z >= 1f ? 0f : z >= -1f ? -2f * y * (1f - z) : -4f * y;
            case LossKind.Exponential:
                return -y * OracleMath.Exp(-z > 4f ? 4f : -z);
            case LossKind.Sigmoid:
                return -y * (OracleMath.Sigmoid(-z) * (1f - OracleMath.Sigmoid(-z)));
            default:
                throw new NotSupportedException($"The oracle doesn't know the loss {job.Model.Loss}.");
        }
    }

    private (float Weight, float Squares) StepAdaGrad(float rate, float weight, float squares, float g)
    {
        float sum = FusedMultiplyAdd(g, g, squares);
        return (weight - rate * g / (Delta + Sqrt(sum)), sum);
    }

    // A key as a reader sees it now, and its state.
    private float Read(int key, float[] state)
    {
        if (!job.Sparse)
            return _weight[key];
        float weight = _weight[key];
        if (_gradients > _lastStep[key])
            weight = _rule.Drift(_gradients - _lastStep[key], weight, state);
        float elapsed = (float)_now - _age[key];
        return elapsed > 0 ? Regularize(key, elapsed, weight, state) : weight;
    }

    private void Touch(int key)
    {
        _weight[key] = Read(key, _state[key]);
        (_age[key], _lastStep[key]) = ((float)_now, _gradients);
    }

    private void Age(double rateSum)
    {
        if (job.Sparse)
        {
            _now += rateSum;
            return;
        }
        for (int key = 0; key < Bias; key++)
            _weight[key] = Regularize(key, (float)rateSum, _weight[key], _state[key]);
    }

    private float Regularize(int key, float elapsed, float weight, float[] state) =>
        key >= Bias || !job.Rule.IsRegularized ? weight : _rule.Flow(elapsed, _gradients, weight, state);
}
