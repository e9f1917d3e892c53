export function pythonHome(): string
export function stampOf(home: string): string | null
