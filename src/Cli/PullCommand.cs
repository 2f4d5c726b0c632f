using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using DistSgd.Cli.Tables;
using DistSgd.Learning.Formats;
using DistSgd.Shared.CommandLine;

namespace DistSgd.Cli;

/// <summary>The command <c>pull</c>.</summary>
internal static class PullCommand
{
    public static Command Build()
    {
        var table = new TableOptions();
        ValueOption path = Arguments.FilePath("--out", "Write a .safetensors file with one tensor of the table's name; default: print a line a key.");
        var command = new Command("pull", "Read the values of a table of a running job.");
        table.AddTo(command);
        command.Add(path);
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, table, parsed.GetValue(path), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, TableOptions options, string? path, CancellationToken cancellationToken)
    {
        using TableClient table = await options.OpenAsync(parsed, cancellationToken);
        float[] values = await table.PullAsync(cancellationToken);
        TextWriter output = parsed.InvocationConfiguration.Output;
        if (path is null)
        {
            for (int key = 0; key < table.Keys.Count; key++)
                await output.WriteLineAsync(string.Join(' ', values.Skip(key * table.Width).Take(table.Width).Select(value => value.ToString("R", CultureInfo.InvariantCulture))));
            return 0;
        }
        CommandOutput.GoOn(output, $"{path} holds the values");
        var file = new SafetensorsWriter();
        long[] shape = table.Width == 1 ? [table.Keys.Count] : [table.Keys.Count, table.Width];
        file.AddTensor(options.TableOf(parsed), TensorType.F32, shape, stream => stream.Write(MemoryMarshal.AsBytes(values.AsSpan())));
        file.Save(path);
        await output.WriteLineAsync($"{table.Keys.Count} keys written to {path}");
        return 0;
    }
}
