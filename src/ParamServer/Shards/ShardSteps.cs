using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>Pushes of gradients through the job's update rule: vectors of whole ranges, stripe by stripe under the stripes' locks; chunks of listed keys without locks (Hogwild).</summary>
internal sealed class ShardSteps(UpdateRule rule, RuleKernel kernel, ShardMemory memory)
{
    private readonly bool _splitsTables = rule is { Form.Facts.OwnsRegularizer: true, IsRegularized: true };

    /// <summary>Steps the keys.</summary>
    /// <param name="at">Rate and count.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="gradient">k floats a key.</param>
    public void Step(in StepAt at, in ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        if (!_splitsTables)
        {
            StepAlike(at, keys, gradient);
            return;
        }
        for (int start = 0; start < keys.Count;)
        {
            int end = memory.RunEnd(keys, start, out bool regularized);
            StepAt own = regularized ? at with { L1 = (float)rule.L1, L2 = (float)rule.L2 } : at;
            StepAlike(own, keys.Slice(start, end - start), gradient[(start * memory.Width)..(end * memory.Width)]);
            start = end;
        }
    }

    private void StepAlike(in StepAt at, in ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        if (!keys.IsRange)
        {
            StepChunks(at, keys, gradient);
            return;
        }
        var push = new RangeStep(this, at, keys.First * memory.Width, gradient);
        memory.ForEachStripe(new KeyRange(keys.First, keys.Count), push, static (push, part) => push.Run(part));
    }

    private void StepChunks(in StepAt at, ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        var chunks = new ParameterChunks(keys, memory.Width, stackalloc float[ParameterChunks.RoomFloats], stackalloc int[ParameterChunks.RoomIntegers]);
        while (chunks.Next())
        {
            memory.Gather(chunks.Positions, chunks.Planes);
            kernel.Step(rule, at, gradient.Slice(chunks.Before, chunks.Count), chunks.Planes);
            memory.Scatter(chunks.Positions, chunks.Planes);
        }
    }

    private void StepPart(in StepAt at, KeyRange part, ReadOnlySpan<float> gradient)
    {
        if (memory.IsPlanar)
            kernel.Step(rule, at, gradient, memory.Planes(part));
        else
            StepChunks(at, ShardKeys.Range(part.First, (int)part.Count), gradient);
    }

    private readonly ref struct RangeStep(ShardSteps steps, StepAt at, long first, ReadOnlySpan<float> gradient)
    {
        private readonly ReadOnlySpan<float> _gradient = gradient;

        public void Run(KeyRange part) =>
            steps.StepPart(at, part, _gradient.Slice((int)(part.First * steps.Width - first), (int)part.Count * steps.Width));
    }

    private int Width => memory.Width;
}
