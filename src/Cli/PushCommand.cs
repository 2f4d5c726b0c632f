using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using DistSgd.Cli.Tables;
using DistSgd.Protos.V1;
using DistSgd.Shared.CommandLine;
using V1 = DistSgd.Protos.V1;

namespace DistSgd.Cli;

/// <summary>The command <c>push</c>.</summary>
internal static class PushCommand
{
    private enum Kind
    {
        Gradient,
        Delta,
    }

    private static readonly NumberRange RateRange = NumberRange.NotNegative("--learning-rate");

    public static Command Build()
    {
        var table = new TableOptions();
        ValueOption values = Arguments.FilePath("--values", "The values, text or a .safetensors file with a tensor of the table's name; - reads text from standard input.");
        ValueOption kind = Arguments.Choice("--kind", "gradient: the servers run the job's update rule on it, at the schedule's rate for as many steps as pushes were applied; delta: they add it, values and optimizer state of each key.", typeof(Kind), "gradient");
        ValueOption rate = Arguments.Number(RateRange, "The learning rate that a delta was made with (the sum, if in several steps): the regulariser acts for as long.", "0", "X");
        ValueOption name = Arguments.Text("--name", "What the push is called: sent again under the same name it is not applied again; default: a random source, sequence 1.", "SOURCE:SEQUENCE",
            text => Name(text) is not null, "SOURCE:SEQUENCE, two whole numbers, the second from 1, for example 7:1");
        values.Required = true;
        var command = new Command("push", "Push values to a table of a running job.");
        table.AddTo(command);
        foreach (Option option in (Option[])[values, kind, rate, name])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            var push = new Push
            {
                Name = parsed.GetValue(name) is { } given ? Name(given) : NewName(),
                Kind = (Kind)parsed.Chosen(kind, typeof(Kind))! == Kind.Delta ? V1.PushKind.Delta : V1.PushKind.Gradient,
                RateSum = parsed.Number(rate)!.Value,
            };
            return RunAsync(parsed, table, push, parsed.GetValue(values)!, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, TableOptions options, Push push, string path, CancellationToken cancellationToken)
    {
        using TableClient table = await options.OpenAsync(parsed, cancellationToken);
        float[] values = await TableValues.ReadAsync(path, options.TableOf(parsed), cancellationToken);
        int stride = push.Kind == V1.PushKind.Delta ? table.EntryFloats : table.Width;
        if (values.Length != table.Keys.Count * stride)
            throw new ArgumentException($"{path} has {values.Length} values; {table.Keys.Count} keys with {stride} each need {table.Keys.Count * stride}.");
        TextWriter output = parsed.InvocationConfiguration.Output;
        CommandOutput.GoOn(output, "what was pushed is applied");
        await table.PushAsync(push, values, (shard, answer) => output.WriteLine($"push {push.Name.Source}:{push.Name.Sequence}, shard {shard.Number}: {(answer.Duplicate ? "was applied before" : "applied")}, version {answer.Version}"), cancellationToken);
        return 0;
    }

    private static PushName NewName() => new() { Source = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))), Sequence = 1 };

    private static PushName? Name(string text)
    {
        string[] parts = text.Split(':');
        return parts.Length == 2 && ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong source)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence) && sequence > 0
            ? new PushName { Source = source, Sequence = sequence }
            : null;
    }
}
