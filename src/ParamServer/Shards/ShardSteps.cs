using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>Pushes of gradients through the job's update rule: vectors of whole ranges, stripe by stripe under the stripes' locks; listed keys, in chunks or each where it lies, whose stripes <see cref="ParameterShard"/> has locked.</summary>
internal sealed class ShardSteps(UpdateRule rule, RuleKernel kernel, ShardMemory memory)
{
    private readonly bool _ownsRegularizer = rule is { Form.Facts.OwnsRegularizer: true, IsRegularized: true };

    /// <summary>Steps the keys.</summary>
    /// <param name="at">Rate and count, and the time over which the regulariser acts, on tables that have one, in the same pass.</param>
    /// <param name="hasPoints">True: each gradient is followed by the value at which it was computed.</param>
    /// <param name="keys">The keys.</param>
    /// <param name="gradient">k floats a key, or 2k.</param>
    public void Step(in StepAt at, bool hasPoints, in ShardKeys keys, ReadOnlySpan<float> gradient)
    {
        var push = new GradientPush(at, hasPoints, gradient);
        if (!_ownsRegularizer && at.Elapsed == 0)
        {
            StepAlike(push, keys);
            return;
        }
        for (int start = 0; start < keys.Count;)
        {
            int end = memory.RunEnd(keys, start, out bool regularized);
            StepAt own = !regularized ? at with { Elapsed = 0 } : _ownsRegularizer ? at with { L1 = (float)rule.L1, L2 = (float)rule.L2 } : at;
            StepAlike(push.Slice(start * memory.Width, (end - start) * memory.Width) with { At = own }, keys.Slice(start, end - start));
            start = end;
        }
    }

    private void StepAlike(GradientPush push, in ShardKeys keys)
    {
        if (keys.IsRange)
        {
            var range = new RangeStep(this, push, keys.First * memory.Width);
            memory.ForEachStripe(new KeyRange(keys.First, keys.Count), range, static (range, part) => range.Run(part));
        }
        else if (memory.HasWideKeys)
        {
            for (int place = 0; place < keys.Count; place++)
                StepPart(push.Slice(place * Width, Width), new KeyRange(keys[place], 1));
        }
        else
        {
            StepChunks(push, keys);
        }
    }

    private void StepPart(GradientPush push, KeyRange part)
    {
        if (!memory.IsPlanar)
            StepChunks(push, ShardKeys.Range(part.First, (int)part.Count));
        else if (push.HasPoints)
            StepPlanes(push, memory.Planes(part));
        else
            kernel.Step(rule, push.At, push.Values, memory.Planes(part));
    }

    private void StepPlanes(GradientPush push, RulePlanes planes)
    {
        Span<float> room = stackalloc float[ParameterChunks.Size];
        for (int start = 0; start < planes.Count; start += room.Length)
        {
            RulePlanes chunk = planes.Slice(start, Math.Min(room.Length, planes.Count - start));
            kernel.Step(rule, push.At, push.Gradient(rule, start, chunk.Values, room[..chunk.Count]), chunk);
        }
    }

    private void StepChunks(GradientPush push, ShardKeys keys)
    {
        var chunks = new ParameterChunks(keys, memory.Width, stackalloc float[ParameterChunks.RoomFloats], stackalloc int[ParameterChunks.RoomIntegers]);
        while (chunks.Next())
        {
            memory.Gather(chunks.Positions, chunks.Planes);
            kernel.Step(rule, push.At, push.Gradient(rule, chunks.Before, chunks.Planes.Values, chunks.Elapsed), chunks.Planes);
            memory.Scatter(chunks.Positions, chunks.Planes);
        }
    }

    // What a push says of some parameters.
    private readonly ref struct GradientPush(StepAt at, bool hasPoints, ReadOnlySpan<float> values)
    {
        public StepAt At { get; init; } = at;

        public bool HasPoints { get; } = hasPoints;

        public ReadOnlySpan<float> Values { get; } = values;

        private int Stride => HasPoints ? 2 : 1;

        public GradientPush Slice(int start, int count) => new(At, HasPoints, Values.Slice(start * Stride, count * Stride));

        // The gradient of some parameters, whose values are now as given: as it was pushed, or brought there, in the room given.
        public ReadOnlySpan<float> Gradient(UpdateRule rule, int start, ReadOnlySpan<float> now, Span<float> room)
        {
            if (!HasPoints)
                return Values.Slice(start, now.Length);
            DelayCompensation.Apply(KernelForms.Best, rule.DelayCompensation, Values.Slice(2 * start, 2 * now.Length), now, room);
            return room;
        }
    }

    private readonly ref struct RangeStep(ShardSteps steps, GradientPush push, long first)
    {
        private readonly GradientPush _push = push;

        public void Run(KeyRange part) =>
            steps.StepPart(_push.Slice((int)(part.First * steps.Width - first), (int)part.Count * steps.Width), part);
    }

    private int Width => memory.Width;
}
