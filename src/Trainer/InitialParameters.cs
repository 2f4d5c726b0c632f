using DistSgd.Learning.Mlp;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.Trainer;

/// <summary>Values that some parameters have before the first step; all others are 0.</summary>
/// <param name="FirstKey">Where they begin.</param>
/// <param name="Values">Whole keys: a multiple of the job's width, or of a state's floats.</param>
internal sealed record InitialParameters(long FirstKey, float[] Values)
{
    // No partition has this number.
    private const int PieceFloats = 4 << 20;

    /// <summary>AdaGrad's sums of squares, one a value; empty: all 0.</summary>
    public float[] Squares { get; init; } = [];

    /// <summary>Whether the values are whole states, with what a training that goes on needs of the one before; else it begins anew.</summary>
    public bool AreStates { get; init; }

    /// <summary>The weights of a network, drawn from the job's seed.</summary>
    /// <exception cref="TrainingException">The network has more parameters than one machine holds.</exception>
    public static InitialParameters OfNetwork(TrainingJob job)
    {
        if (job.KeyCount * job.Width > Array.MaxLength)
            throw new TrainingException($"--hidden {string.Join(',', job.Model.Network!.Layers)} on {job.Features:N0} features has {job.KeyCount * job.Width:N0} parameters; at most {Array.MaxLength:N0} can be trained. Give a smaller first layer.");
        return new InitialParameters(0, MlpStart.Draw(job.Model.Shape, (int)job.Features, job.Seed));
    }

    /// <summary>Sets them by pushes like any other.</summary>
    public static async Task PushAsync(TrainingJob job, IParameterClient client, InitialParameters initial, CancellationToken cancellationToken)
    {
        if (initial.Values.AsSpan().IndexOfAnyExcept(0f) < 0)
            return;
        int pieceKeys = Math.Max(1, PieceFloats / job.EntryFloats), stateFloats = job.KeyFloats.State;
        int keys = initial.Values.Length / (initial.AreStates ? stateFloats : job.Width);
        ulong sequence = 0;
        for (int first = 0; first < keys; first += pieceKeys)
        {
            int count = Math.Min(pieceKeys, keys - first);
            var exchange = new ParameterExchange(client.ShardCount)
            {
                PushKeys = KeySet.Range(initial.FirstKey + first, count),
                PushValues = initial.AreStates ? initial.Values.AsMemory(first * stateFloats, count * stateFloats) : initial.Entries(job, first, count),
                PushKind = initial.AreStates ? PushKind.State : PushKind.Delta,
                PushName = new PushName(PushName.Leader, ++sequence),
            };
            await client.ExecuteAsync(exchange, cancellationToken);
        }
    }

    private float[] Entries(TrainingJob job, int first, int count)
    {
        float[] entries = Entries(job, new KeyRange(FirstKey + first, count), Values.AsSpan(first * job.Width, count * job.Width));
        for (int i = 0; i < count * job.Width && Squares.Length > 0; i++)
            entries[i * job.Stride + 1] = Squares[first * job.Width + i];
        return entries;
    }

    // Each value with the state that its rule begins with.
    private static float[] Entries(TrainingJob job, KeyRange keys, ReadOnlySpan<float> values)
    {
        var entries = new float[values.Length * job.Stride];
        RuleKernel kernel = job.Rule.Form.Kernel(job.Sparse);
        float rate = job.Rule.Schedule.Rate(0);
        foreach (ParameterTable table in job.Tables)
        {
            KeyRange part = table.Keys.Intersect(keys);
            StepAt at = table.Regularized ? new StepAt(rate, 1, (float)job.Rule.L1, (float)job.Rule.L2) : new StepAt(rate, 1);
            for (int i = (int)(part.First - keys.First) * job.Width, end = i + (int)part.Count * job.Width; i < end; i++)
            {
                entries[i * job.Stride] = values[i];
                kernel.Start(job.Rule, at, values[i], entries.AsSpan(i * job.Stride + 1, kernel.Slots));
            }
        }
        return entries;
    }
}
